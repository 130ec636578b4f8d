package recall

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// golden is what recall.py wrote: python recall.py > recall-v1.json.
type golden struct {
	Documents []struct {
		Seed         uint64
		Docs, N      int
		First        []int32
		IDs, Classes string
	}
	Prompts []struct {
		Seed         uint64
		Docs, N      int
		Pairs, Depth int
		Answers      []int32
		IDs          string
	}
}

func readGolden(t *testing.T) (g golden) {
	b, err := os.ReadFile("testdata/recall-v1.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &g))
	require.NotEmpty(t, g.Documents)
	require.NotEmpty(t, g.Prompts)
	return g
}

func TestKnownAnswers(t *testing.T) {
	require.Equal(t, uint64(0x6db6ca64564daeaa), U(0, 0, 0, 0))
	require.Equal(t, uint64(0x508f1636e6c1f101), U(1, 2, 3, 4))
	require.Equal(t, 40, Below(U(1, 2, 3, 4), 128))
	m := ^uint64(0)
	require.Equal(t, uint64(0xee750dac80a5da4e), U(m, m, m, 255))
}

// TestTwin: documents and prompts are those of the training script.
func TestTwin(t *testing.T) {
	g := readGolden(t)
	for _, d := range g.Documents {
		ids, classes := sha256.New(), sha256.New()
		for doc := range d.Docs {
			x, c := Document(d.Seed, uint64(doc), d.N)
			require.Len(t, x, d.N)
			if doc == 0 {
				require.Equal(t, d.First, x[:len(d.First)])
			}
			for i := range x {
				_ = binary.Write(ids, binary.LittleEndian, uint16(x[i]))
				_ = binary.Write(classes, binary.LittleEndian, uint16(c[i]))
			}
		}
		require.Equal(t, d.IDs, hex.EncodeToString(ids.Sum(nil)), "ids of %d tokens", d.N)
		require.Equal(t, d.Classes, hex.EncodeToString(classes.Sum(nil)), "classes of %d tokens", d.N)
	}
	for _, p := range g.Prompts {
		ids := sha256.New()
		for doc := range p.Docs {
			x := NewPrompt(p.Seed, uint64(doc), p.N, p.Pairs, p.Depth)
			require.Len(t, x.IDs, p.N)
			require.Equal(t, p.Answers[doc], x.Answer)
			for _, id := range x.IDs {
				_ = binary.Write(ids, binary.LittleEndian, uint16(id))
			}
		}
		require.Equal(t, p.IDs, hex.EncodeToString(ids.Sum(nil)), "prompts of %d tokens", p.N)
	}
}

// TestAnswersAreThere: what is asked for was told before, and nowhere else told
// otherwise.
func TestAnswersAreThere(t *testing.T) {
	for doc := range 40 {
		ids, classes := Document(7, uint64(doc), 1024)
		known := map[int32]int32{}
		for i, c := range classes {
			switch c {
			case ClassValue:
				_, twice := known[ids[i-1]]
				require.False(t, twice)
				known[ids[i-1]] = ids[i]
			case ClassAnswer:
				require.Equal(t, known[ids[i-1]], ids[i])
			}
		}
		for _, depth := range []int{0, 50, 100} {
			p := NewPrompt(Evaluation, uint64(doc), 300, 16, depth)
			require.Equal(t, p.IDs[len(p.IDs)-1], p.IDs[p.Needle])
			require.Equal(t, p.Answer, p.IDs[p.Needle+1])
			require.InDelta(t, depth, 100*float64(p.Needle)/300, 2)
		}
	}
}
