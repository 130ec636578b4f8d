package grammar

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir/sampler"
)

// smallVocab has every byte and texts that cross the borders of JSON's parts; its last
// token ends a text.
func smallVocab(t testing.TB) *Vocab {
	t.Helper()
	var pieces [][]byte
	for b := range 256 {
		pieces = append(pieces, []byte{byte(b)})
	}
	for _, s := range strings.Fields(`ab abc true false null {" "} "] ": ", {"a ": " "," 12 0. .5 -1 1e \" \u \n 00 é 語 言語 }, ], }] }} [[ [{ [] {} "" a" b":`) {
		pieces = append(pieces, []byte(s))
	}
	for _, s := range []string{" ", ", ", ": ", "\n  ", " \"", ", \"", "\": \"", "\xe8\xaa", "é\"", "    ", "{ ", " }"} {
		pieces = append(pieces, []byte(s))
	}
	n := len(pieces)
	return NewVocab(n+1, []int32{int32(n)}, func(id int32) []byte {
		if int(id) >= n {
			return nil
		}
		return pieces[id]
	}, nil)
}

// random writes a text of uniformly drawn allowed tokens; behind limit tokens it ends
// as soon as it may, and prefers what closes.
func random(t testing.TB, m *Matcher, v *Vocab, rng *rand.Rand, limit int) string {
	t.Helper()
	var text strings.Builder
	var set sampler.Bitset
	for n := 0; ; n++ {
		require.Less(t, n, limit+20000, "no end: %.300q", text.String())
		require.NoError(t, m.Mask(&set), "%q", text.String())
		ids := set.AppendTo(nil)
		require.NotEmpty(t, ids, "stuck after %q", text.String())
		id := ids[rng.IntN(len(ids))]
		if n > limit {
			id = closing(ids, v, rng)
		}
		require.NoError(t, m.Accept(id), "%q is in the mask after %q", v.piece(id), text.String())
		if id == v.end[0] {
			return text.String()
		}
		text.Write(v.piece(id))
	}
}

// closing picks the end, or else what tends to lead there.
func closing(ids []int32, v *Vocab, rng *rand.Rand) int32 {
	best, rank := ids[0], -1
	for _, id := range ids {
		r, p := 1, string(v.piece(id))
		switch {
		case id == v.end[0]:
			return id
		case p == "\"" || p == "}" || p == "]":
			r = 3 + rng.IntN(3)
		case p == "," || p == ":" || p >= "0" && p <= "9" || p == "n":
			r = 1 + rng.IntN(5)
		case len(p) == 1 && p[0] >= 'a' && p[0] <= 'z' || p == "[" || p == "{":
			r = 1 + rng.IntN(2)
		case p == " " || p == "\n" || p == "\\":
			r = 0
		}
		if rng.IntN(300) == 0 && len(p) == 1 { // an expression may ask for any letter
			r = 9
		}
		if r > rank {
			best, rank = id, r
		}
	}
	return best
}

// The mask allows exactly the tokens that Accept takes.
func TestMaskEqualsAccept(t *testing.T) {
	v := smallVocab(t)
	sources := map[string]func() (*Rules, error){
		"arithmetic": func() (*Rules, error) {
			return ParseGBNF("root ::= (e \"=\" w t \"\\n\")+\ne ::= t ([-+*/] t)*\nt ::= [a-z]+ w | [0-9]+ w | \"(\" w e \")\" w\nw ::= [ \\t\\n]*", nil)
		},
		"tokens": func() (*Rules, error) {
			return ParseGBNF("root ::= (<[260]> \"a\" !<[97]> | \"ab\")+", nil)
		},
		"regex":   func() (*Rules, error) { return ParseRegex(`([a-c]{2,5}|\d+\.\d+)( [^a-c]{3})*`) },
		"json":    func() (*Rules, error) { return ParseSchema([]byte(`{}`), SchemaOptions{}) },
		"compact": func() (*Rules, error) { return ParseSchema([]byte(`{}`), SchemaOptions{Compact: true}) },
		"object": func() (*Rules, error) {
			return ParseSchema([]byte(`{"properties":{"a":{"maxLength":5},"b":{"$ref":"#"},"c":{"type":"number","minimum":-1.5,"maximum":20}},"required":["a"],"additionalProperties":{"type":"integer"}}`), SchemaOptions{})
		},
	}
	for name, source := range sources {
		t.Run(name, func(t *testing.T) {
			r, err := source()
			g := compile(t, r, err)
			rng := rand.New(rand.NewPCG(1, 2))
			var set sampler.Bitset
			for range 12 {
				m, err := NewMatcher("test", g, v)
				require.NoError(t, err)
				for range 25 {
					require.NoError(t, m.Mask(&set))
					for id := range int32(v.size) {
						err := m.Accept(id)
						require.Equal(t, set.Has(id), err == nil, "token %q", v.piece(id))
						if err == nil {
							require.NoError(t, m.Rollback(1))
						}
					}
					ids := set.AppendTo(nil)
					if len(ids) == 0 {
						break
					}
					require.NoError(t, m.Accept(ids[rng.IntN(len(ids))]))
				}
			}
		})
	}
}
