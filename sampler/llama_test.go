package sampler_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"kvasir/sampler"

	"github.com/stretchr/testify/require"
)

// llamaCase is a line of llama.jsonl.gz, see testdata/gen.cpp.
type llamaCase struct {
	Params   json.RawMessage
	Samplers []string
	Accepted []int32
	Breakers [][]int32
	Steps    []llamaStep
}

type llamaStep struct {
	Row struct {
		Kind string
		N    int
		Seed uint64
	}
	Stages int
	Kept   string
	Logits map[string]float64
	Taken  *int32
}

// readGzip returns the content of a file of testdata.
func readGzip(t testing.TB, name string) []byte {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	b, err := io.ReadAll(z)
	require.NoError(t, err)
	return b
}

// realRows returns logits of real models, 1536 tokens a row.
func realRows(t testing.TB) [][]float32 {
	t.Helper()
	b := readGzip(t, "real.f32.gz")
	row := make([]float32, len(b)/4)
	require.NoError(t, binary.Read(bytes.NewReader(b), binary.LittleEndian, row))
	return slices.Collect(slices.Chunk(row, 1536))
}

// splitmix is the source of random numbers of gen.cpp.
type splitmix struct{ s uint64 }

func (r *splitmix) next() uint64 {
	r.s += 0x9E3779B97F4A7C15
	z := r.s
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

func (r *splitmix) unit() float64 { return float64(r.next()>>11) * 0x1p-53 }

// logits repeats row() of gen.cpp to the bit.
func (s *llamaStep) logits(real [][]float32) []float32 {
	if s.Row.Kind == "real" {
		return real[s.Row.Seed]
	}
	row, r := make([]float32, s.Row.N), &splitmix{s.Row.Seed}
	for i := range row {
		u := r.unit()
		bell := u + r.unit() + r.unit() + r.unit() - 2
		switch s.Row.Kind {
		case "tail":
			share := 0.05 / (u + 0.01)
			row[i] = float32(float64(bell*3) + float64(share*2))
		case "flat":
			row[i] = float32(bell * 0.5)
		default:
			row[i] = float32(bell * 6)
		}
	}
	if s.Row.Kind == "masked" {
		for i := range row {
			if r.next()%10 == 0 {
				row[i] = float32(math.Inf(-1))
			}
		}
	}
	return row
}

// byRank returns the tokens of row, likeliest first.
func byRank(row []float32) []int32 {
	ids := make([]int32, len(row))
	for i := range ids {
		ids[i] = int32(i)
	}
	slices.SortStableFunc(ids, func(a, b int32) int {
		if row[a] > row[b] {
			return -1
		} else if row[a] < row[b] {
			return 1
		}
		return 0
	})
	return ids
}

// keptIDs turns ranges of ranks into ascending ids.
func keptIDs(t *testing.T, ranges string, ids []int32) []int32 {
	var out []int32
	for part := range strings.SplitSeq(ranges, ",") {
		lo, hi, found := strings.Cut(part, "-")
		if !found {
			hi = lo
		}
		from, err := strconv.Atoi(lo)
		require.NoError(t, err)
		to, err := strconv.Atoi(hi)
		require.NoError(t, err)
		out = append(out, ids[from:to+1]...)
	}
	slices.Sort(out)
	return out
}

// params returns the settings of the case, with the token sequences as breakers.
func (c *llamaCase) params(t *testing.T) (sampler.Params, *sampler.Breakers) {
	p := sampler.DefaultParams()
	require.NoError(t, json.Unmarshal(c.Params, &p))
	p.DRYBreakers = []string{"all"}
	return p, sampler.FixedBreakers(map[string][][]int32{"all": c.Breakers})
}

// TestEqualsLlama compares with llama.cpp's own library: the same logits and settings
// keep the same tokens, and give them the same logits.
func TestEqualsLlama(t *testing.T) {
	real := realRows(t)
	lines := bufio.NewScanner(bytes.NewReader(readGzip(t, "llama.jsonl.gz")))
	lines.Buffer(nil, 1<<20)
	seen, n := map[string]int{}, 0
	for lines.Scan() {
		n++
		var c llamaCase
		require.NoError(t, json.Unmarshal(lines.Bytes(), &c))
		t.Run(fmt.Sprintf("%d/%s", n, strings.Join(c.Samplers, "+")), func(t *testing.T) {
			c.compare(t, real)
		})
		for _, name := range c.Samplers {
			seen[name]++
		}
	}
	require.NoError(t, lines.Err())
	for name := range sampler.Stages {
		if name != "top_h" { // llama.cpp has none
			require.Greater(t, seen[name], 10, "cases with %s", name)
		}
	}
}

func (c *llamaCase) compare(t *testing.T, real [][]float32) {
	p, breakers := c.params(t)
	var chain *sampler.Chain
	for _, s := range c.Steps {
		row := s.logits(real)
		if chain == nil || s.Taken == nil {
			p.Samplers = c.Samplers[:s.Stages]
			var err error
			chain, err = sampler.NewChain(p, sampler.Vocab{Size: len(row), Breakers: breakers})
			require.NoError(t, err)
			for _, tok := range c.Accepted {
				require.NoError(t, chain.Accept(tok))
			}
		}
		var d sampler.Dist
		require.NoError(t, chain.Dist(&d, row, 0))
		ids := byRank(row)
		require.Equal(t, keptIDs(t, s.Kept, ids), d.IDs, "%s of %s on %v", p.Samplers, c.Params, s.Row)
		top := slices.Max(d.P)
		for rank, want := range s.Logits {
			i, err := strconv.Atoi(rank)
			require.NoError(t, err)
			require.InDelta(t, want, math.Log(d.Prob(ids[i])/top), 2e-5+1e-5*math.Abs(want), "rank %s, %s of %s on %v", rank, p.Samplers, c.Params, s.Row)
		}
		if s.Taken != nil {
			require.NoError(t, chain.Accept(*s.Taken))
		}
	}
}
