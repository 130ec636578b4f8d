package tokenizer

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// naiveMerge applies the definition: of all neighbours that merge, the pair with
// the lowest key, the leftmost among equals, merges first.
func naiveMerge(parts []string, key func(l, r string) (uint32, bool)) []string {
	for {
		best, low := -1, uint32(noPair)
		for i := 0; i+1 < len(parts); i++ {
			if k, ok := key(parts[i], parts[i+1]); ok && k < low {
				best, low = i, k
			}
		}
		if best < 0 {
			return parts
		}
		parts[best] += parts[best+1]
		parts = slices.Delete(parts, best+1, best+2)
	}
}

// TestMergesEqualDefinition compares both merge loops with the definition on random
// vocabularies, where many merges overlap, tie, and pass through non-tokens.
func TestMergesEqualDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for range 150 {
		bpeTok, ranks := randomBPE(t, r)
		spmTok, scores := randomSPM(t, r)
		for range 20 {
			b := make([]byte, 1+r.IntN(60))
			for i := range b {
				b[i] = "abc"[r.IntN(3)]
			}
			word := string(b)
			want := naiveMerge(strings.Split(word, ""), func(l, r string) (uint32, bool) {
				k, ok := ranks[l+" "+r]
				return k, ok
			})
			checkMerged(t, bpeTok, word, want)
			want = naiveMerge(strings.Split(word, ""), func(l, r string) (uint32, bool) {
				s, ok := scores[l+r]
				return sortKey(s), ok
			})
			checkMerged(t, spmTok, word, want)
		}
	}
}

// checkMerged compares the ids of word with parts; a part that is no token counts
// as its letters.
func checkMerged(t *testing.T, tok *Tokenizer, word string, parts []string) {
	t.Helper()
	var want []int32
	for _, p := range parts {
		if id, ok := tok.ID(p); ok {
			want = append(want, id)
			continue
		}
		for _, c := range p {
			id, ok := tok.ID(string(c))
			require.True(t, ok)
			want = append(want, id)
		}
	}
	e := tok.encoder()
	e.word([]byte(word))
	require.Equal(t, want, e.out, "word %q, parts %q", word, parts)
	e.out = nil
	e.word([]byte(word)) // from the cache, if it is short
	require.Equal(t, want, e.out)
}

func randomBPE(t *testing.T, r *rand.Rand) (*Tokenizer, map[string]uint32) {
	tokens := []string{"a", "b", "c"}
	parts := slices.Clone(tokens)
	ranks := map[string]uint32{}
	var merges []string
	for i := range 1 + r.IntN(25) {
		l, rt := parts[r.IntN(len(parts))], parts[r.IntN(len(parts))]
		merges = append(merges, l+" "+rt)
		if _, dup := ranks[l+" "+rt]; !dup {
			ranks[l+" "+rt] = uint32(i)
		}
		if !slices.Contains(parts, l+rt) {
			parts = append(parts, l+rt)
			if r.IntN(4) > 0 { // else a merge through a text that is no token
				tokens = append(tokens, l+rt)
			}
		}
	}
	tok, err := load(fakeMetadata{
		keyModel: "gpt2", keyPre: "gpt-2", keyTokens: tokens, keyMerges: merges,
	})
	require.NoError(t, err)
	return tok, ranks
}

func randomSPM(t *testing.T, r *rand.Rand) (*Tokenizer, map[string]float32) {
	tokens := []string{"<unk>", "<s>", "</s>", "a", "b", "c"}
	scores := []float32{0, 0, 0, -9, -9, -9}
	known := map[string]float32{"a": -9, "b": -9, "c": -9}
	for range 1 + r.IntN(25) {
		b := make([]byte, 2+r.IntN(5))
		for i := range b {
			b[i] = "abc"[r.IntN(3)]
		}
		if _, dup := known[string(b)]; !dup {
			s := []float32{-1, -2, 0, float32(r.IntN(9)) - 4, r.Float32()}[r.IntN(5)]
			tokens, scores, known[string(b)] = append(tokens, string(b)), append(scores, s), s
		}
	}
	tok, err := load(fakeMetadata{
		keyModel: "llama", keyTokens: tokens, keyScores: scores, keyTypes: append([]int32{2, 3, 3}, slices.Repeat([]int32{1}, len(tokens)-3)...),
	})
	require.NoError(t, err)
	return tok, known
}

func TestSortKey(t *testing.T) {
	scores := []float32{1e30, 3, 1, 1e-40, 0, -1e-40, -1, -2.5, -1e30}
	for i := 1; i < len(scores); i++ {
		require.Less(t, sortKey(scores[i-1]), sortKey(scores[i]), "%v comes before %v", scores[i-1], scores[i])
		require.Less(t, sortKey(scores[i]), uint32(noPair))
	}
	negativeZero := -scores[4]
	require.Equal(t, sortKey(0), sortKey(negativeZero))
}

// TestLongInputs encodes long runs of what is hard for the merge loops.
func TestLongInputs(t *testing.T) {
	n := 1 << 17
	if testing.Short() {
		n = 1 << 15
	}
	for _, name := range []string{"gpt-2", "llama-spm", "llama-bpe", "bert-bge"} {
		_, tok := packed(t, name)
		for _, unit := range []string{"a", " ", "\n", "=", "ab漢", "\xff", "the", "\u2581x "} {
			text := strings.Repeat(unit, n/len(unit))
			ids := tok.Encode(nil, text, Options{})
			if tok.merges != nil && unit != "\u2581x " {
				require.Equal(t, text, tok.Decode(ids, DecodeOptions{}), "%s on %q", name, unit)
			}
		}
	}
}
