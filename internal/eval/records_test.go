package eval_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir"
	"kvasir/internal/golden"
	"kvasir/kernels"
)

// Records of the real models: what the exact model gives (the same weights in
// f32, an f32 cache) and how far llama.cpp's own arithmetic is from it. They
// were made with llama.cpp; TestRecords -update with KVASIR_RECORDS=DIR packs
// DIR/NAME.exact.json and DIR/NAME.peer.json, in the layout of Record.WriteJSON,
// into testdata.
const recordsDir = "KVASIR_RECORDS"

// record is the packed form.
type record struct {
	Tokens    []int32          `json:"tokens"`
	Positions []recordPosition `json:"positions"`
	Greedy    [][2]float64     `json:"greedy"` // id, margin of the best two logits
	Text      string           `json:"text"`
}

type recordPosition struct {
	Top      [][2]float64 `json:"top"` // id, log-probability in the exact model
	PeerKL   float64      `json:"peer_kl"`
	PeerSame bool         `json:"peer_same"` // it has the same best token
}

// recordTop is how many of the most likely tokens are kept; the rest counts as
// one more, so that divergences are lower bounds, for the peer as for us.
const recordTop = 16

var recordNames = map[string][]string{
	"smollm2":     {"smollm2.brown6k", "smollm2.chat_smol", "smollm2.code", "smollm2.science", "smollm2.story"},
	"gemma3-270m": {"gemma3-270m.brown3k", "gemma3-270m.code", "gemma3-270m.science", "gemma3-270m.story"},
}

func recordFile(name string) string { return filepath.Join("testdata", "records", name+".json.gz") }

// TestRecords compares the real models with the exact ones: the distance must
// not be larger than llama.cpp's, and greedy texts may part only where the exact
// model itself is undecided.
func TestRecords(t *testing.T) {
	if golden.Update() {
		packRecords(t)
		return
	}
	for _, model := range []string{"smollm2", "gemma3-270m"} {
		t.Run(model, func(t *testing.T) {
			eng, err := kvasir.Open(golden.Model(t, model), kvasir.Options{Context: 1536})
			require.NoError(t, err)
			defer eng.Close()
			names := recordNames[model]
			if kernels.Current() == kernels.Generic {
				names = []string{names[0], names[len(names)-2]}
			}
			for _, name := range names {
				t.Run(name, func(t *testing.T) {
					r := loadRecord(t, name)
					compareLogits(t, eng, r)
					compareGreedy(t, eng, r)
				})
			}
		})
	}
}

// size says how much of a record is compared: positions, and steps of the greedy
// text.
func size(r *record) (positions, steps int) {
	positions, steps = len(r.Positions), len(r.Greedy)
	switch {
	case kernels.Current() == kernels.Generic: // a second for a few tokens
		return min(positions, 12), min(steps, 2)
	case testing.Short():
		return min(positions, 64), min(steps, 8)
	}
	return positions, steps
}

func compareLogits(t *testing.T, eng *kvasir.Engine, r *record) {
	if len(r.Greedy) > 0 {
		return // too short for a mean
	}
	n, _ := size(r)
	s, err := eng.NewSession()
	require.NoError(t, err)
	defer s.Close()
	var ours, peer float64
	same, peerSame := 0, 0
	err = s.Logits(context.Background(), r.Tokens[:n], func(pos int, logits []float32) error {
		p := r.Positions[pos]
		best := argmax(logits)
		lse := logSum(logits)
		ours += divergence(p.Top, func(id int) (float64, bool) { return float64(logits[id]) - lse, true })
		peer += p.PeerKL
		if best == int(p.Top[0][0]) {
			same++
		}
		if p.PeerSame {
			peerSame++
		}
		return nil
	})
	require.NoError(t, err)
	t.Logf("%d positions: KL %.5f (llama.cpp %.5f), best token agrees in %d (%d)", n, ours/float64(n), peer/float64(n), same, peerSame)
	require.LessOrEqual(t, ours, peer)
	if n == len(r.Positions) { // a few dozen say nothing
		require.GreaterOrEqual(t, same, peerSame)
	}
}

func compareGreedy(t *testing.T, eng *kvasir.Engine, r *record) {
	const undecided = 0.2 // llama.cpp's own text parts at margins up to 0.11
	_, steps := size(r)
	if steps == 0 {
		return
	}
	s, err := eng.NewSession()
	require.NoError(t, err)
	defer s.Close()
	i := 0
	for tok, err := range s.Generate(context.Background(), kvasir.Prompt{Tokens: r.Tokens}, kvasir.GenerateOptions{MaxTokens: steps, Sampling: kvasir.Greedy()}) {
		require.NoError(t, err)
		if want := r.Greedy[i]; tok.ID != int32(want[0]) {
			require.Less(t, want[1], undecided, "step %d: token %d, want %v: %q", i, tok.ID, want[0], r.Text)
			t.Logf("parts at step %d, where the margin is %.3f", i, want[1])
			return
		}
		i++
	}
	require.Equal(t, steps, i)
}

// divergence returns Σ p·log(p/q) over the listed tokens and the rest.
func divergence(top [][2]float64, q func(id int) (lp float64, listed bool)) float64 {
	kl, pSum, qSum := 0.0, 0.0, 0.0
	for _, t := range top {
		lq, ok := q(int(t[0]))
		if !ok {
			continue
		}
		p := math.Exp(t[1])
		kl += p * (t[1] - lq)
		pSum += p
		qSum += math.Exp(lq)
	}
	rp, rq := max(1e-12, 1-pSum), max(1e-12, 1-qSum)
	return max(0, kl+rp*math.Log(rp/rq))
}

func argmax(x []float32) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}

func logSum(x []float32) float64 {
	top, sum := float64(x[argmax(x)]), 0.0
	for _, v := range x {
		sum += math.Exp(float64(v) - top)
	}
	return top + math.Log(sum)
}

func loadRecord(t *testing.T, name string) *record {
	f, err := os.Open(recordFile(name))
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	var r record
	require.NoError(t, json.NewDecoder(z).Decode(&r))
	return &r
}

// full is the layout of Record.WriteJSON.
type full struct {
	Tokens    []int32 `json:"tokens"`
	Positions []struct {
		Top [][2]float64 `json:"top"`
	} `json:"positions"`
	Greedy [][2]float64 `json:"greedy"`
	Text   string       `json:"text"`
}

func loadFull(t *testing.T, path string) *full {
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	var f full
	require.NoError(t, json.Unmarshal(bytes.ToValidUTF8(b, []byte("?")), &f))
	return &f
}

func packRecords(t *testing.T) {
	dir := os.Getenv(recordsDir)
	if dir == "" {
		t.Skip("records are packed from " + recordsDir)
	}
	require.NoError(t, os.MkdirAll(filepath.Dir(recordFile("")), 0o777))
	for _, names := range recordNames {
		for _, name := range names {
			exact, peer := loadFull(t, filepath.Join(dir, name+".exact.json")), loadFull(t, filepath.Join(dir, name+".peer.json"))
			require.Equal(t, exact.Tokens, peer.Tokens)
			r := record{Tokens: exact.Tokens, Greedy: exact.Greedy, Text: exact.Text}
			for i, p := range exact.Positions {
				top := p.Top[:min(recordTop, len(p.Top))]
				listed := map[int]float64{}
				for _, q := range peer.Positions[i].Top {
					listed[int(q[0])] = q[1]
				}
				kl := divergence(top, func(id int) (float64, bool) { lp, ok := listed[id]; return lp, ok })
				r.Positions = append(r.Positions, recordPosition{
					Top: top, PeerKL: math.Round(kl*1e7) / 1e7, PeerSame: top[0][0] == peer.Positions[i].Top[0][0],
				})
			}
			b, err := json.Marshal(r)
			require.NoError(t, err)
			var z bytes.Buffer
			w, err := gzip.NewWriterLevel(&z, gzip.BestCompression)
			require.NoError(t, err)
			_, err = io.Copy(w, bytes.NewReader(b))
			require.NoError(t, err)
			require.NoError(t, w.Close())
			require.NoError(t, os.WriteFile(recordFile(name), z.Bytes(), 0o666))
		}
	}
}
