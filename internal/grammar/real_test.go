package grammar

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kvasir/internal/gguf"
	"kvasir/internal/golden"
	"kvasir/internal/tokenizer"
	"kvasir/sampler"
)

// realVocab prepares the vocabulary of a real model.
func realVocab(t testing.TB, name string) *Vocab {
	t.Helper()
	f, err := gguf.Open(golden.Model(t, name), gguf.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	tok, err := tokenizer.New(f)
	require.NoError(t, err)
	return NewVocab(tok.Size(), tok.EOG(), tok.Piece, func(text string) []int32 {
		return tok.Encode(nil, text, tokenizer.Options{})
	})
}

var realModels = []string{"smollm2", "gemma3-270m"}

// Texts of the real vocabularies validate too; forced tokens are among the allowed.
func TestRealVocabularies(t *testing.T) {
	for _, name := range realModels {
		t.Run(name, func(t *testing.T) {
			v := realVocab(t, name)
			m := schemaMaker{rand.New(rand.NewPCG(3, 3))}
			n := 40
			if testing.Short() {
				n = 8
			}
			for range n {
				text := m.object(2)
				g := schemaGrammar(t, text, SchemaOptions{Compact: true})
				if g == nil {
					continue
				}
				c, err := NewMatcher("schema", g, v)
				require.NoError(t, err)
				require.NoError(t, valid(t, validator(t, text), writeForced(t, c, v, m.Rand)), text)
			}
		})
	}
}

// writeForced is random with the forced tokens taken as they are.
func writeForced(t testing.TB, m *Matcher, v *Vocab, rng *rand.Rand) string {
	var text []byte
	var set sampler.Bitset
	var short []int32 // what leads to an end byte by byte
	for id := range int32(v.size) {
		if len(v.piece(id)) == 1 || id == v.end[0] {
			short = append(short, id)
		}
	}
	for n := 0; ; n++ {
		require.Less(t, n, 20000, "no end: %.300q", text)
		require.NoError(t, m.Mask(&set))
		forced := m.Forced(8)
		for _, id := range forced {
			if id == v.end[0] {
				return string(text)
			}
			require.NoError(t, m.Accept(id))
			text = append(text, v.piece(id)...)
		}
		if len(forced) > 0 {
			continue
		}
		var ids []int32
		if n < 10 {
			ids = set.AppendTo(nil)
		} else {
			for _, id := range short {
				if set.Has(id) {
					ids = append(ids, id)
				}
			}
		}
		require.NotEmpty(t, ids, "stuck after %q", text)
		id := ids[rng.IntN(len(ids))]
		if n > 10 {
			id = closing(ids, v, rng)
		}
		require.NoError(t, m.Accept(id))
		if slices.Contains(v.end, id) {
			return string(text)
		}
		text = append(text, v.piece(id)...)
	}
}

// BenchmarkMask measures the masks of whole documents: the first ones of a grammar,
// and those when the states are known.
func BenchmarkMask(b *testing.B) {
	for _, name := range realModels {
		v := realVocab(b, name)
		for _, s := range []struct{ name, schema string }{
			{"json", `{}`},
			{"schema", `{"properties":{"name":{"type":"string"},"age":{"type":"integer","minimum":0,"maximum":150},"tags":{"type":"array","items":{"type":"string","maxLength":20}},"address":{"properties":{"street":{"type":"string"},"zip":{"pattern":"^\\d{5}$"}},"required":["street","zip"]}},"required":["name","age","tags","address"]}`},
		} {
			for _, cold := range []bool{true, false} {
				mode := map[bool]string{true: "cold", false: "warm"}[cold]
				b.Run(name+"/"+s.name+"/"+mode, func(b *testing.B) { benchMasks(b, v, s.schema, cold) })
			}
		}
	}
}

func benchMasks(b *testing.B, v *Vocab, schema string, cold bool) {
	g := schemaGrammar(b, schema, SchemaOptions{})
	rng := rand.New(rand.NewPCG(5, 5))
	var set sampler.Bitset
	tokens, spent, worst := 0, time.Duration(0), time.Duration(0)
	for b.Loop() {
		if cold {
			g = schemaGrammar(b, schema, SchemaOptions{})
		}
		m, err := NewMatcher("schema", g, v)
		require.NoError(b, err)
		for n := 0; n < 100 && !m.over; n++ {
			from := time.Now()
			m.Forced(1)
			require.NoError(b, m.Mask(&set))
			took := time.Since(from)
			ids := set.AppendTo(nil)
			id := ids[rng.IntN(len(ids))]
			if len(ids) > 1000 && rng.IntN(8) == 0 {
				id = closing(ids, v, rng)
			}
			from = time.Now()
			require.NoError(b, m.Accept(id))
			took += time.Since(from)
			spent += took
			worst = max(worst, took)
			tokens++
		}
	}
	b.ReportMetric(float64(spent.Microseconds())/float64(tokens), "µs/token")
	b.ReportMetric(float64(worst.Microseconds()), "µs-worst")
}
