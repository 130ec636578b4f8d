package kvcache_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/x448/float16"

	"kvasir"
	"kvasir/internal/golden"
	"kvasir/kvcache"
)

// Of the capture: lanes (layer, head) of the real model, tokens of its prompt,
// queries at its end.
var captureLanes = [][2]int{{0, 0}, {7, 1}, {18, 2}}

const captureTokens, captureQueries = 256, 16

// capture is a policy that changes nothing and copies what a compaction sees.
type capture struct{ got *captured }

type captured struct {
	Lanes []captureLane `json:"lanes"`
	half  bytes.Buffer
}

type captureLane struct {
	Name    string  `json:"name"`
	Tokens  int     `json:"tokens"`
	Group   int     `json:"group"`
	Dim     int     `json:"dim"`
	Queries int     `json:"queries"`
	Scale   float32 `json:"scale"`
}

func (c capture) Name() string                                               { return "capture" }
func (c capture) Help() string                                               { return "copies keys and queries" }
func (c capture) New(kvcache.Params, *kvcache.Config) (kvcache.State, error) { return c, nil }
func (c capture) Needs() kvcache.Needs                                       { return kvcache.Needs{Queries: captureQueries, Keys: true} }
func (c capture) Exact() bool                                                { return true }
func (c capture) Due(e kvcache.Event) bool                                   { return e.Kind == kvcache.EndOfPrompt }
func (c capture) Clone() kvcache.State                                       { return c }
func (c capture) MarshalBinary() ([]byte, error)                             { return nil, nil }
func (c capture) UnmarshalBinary([]byte) error                               { return nil }

// Compact writes, lane by lane, all keys and the last queries as f16.
func (c capture) Compact(_ kvcache.Event, comp *kvcache.Compaction) error {
	for _, want := range captureLanes {
		for i := range comp.Lanes() {
			ln := comp.Lane(i)
			if ln.Layer() != want[0] || ln.Head() != want[1] {
				continue
			}
			keys := make([]float32, ln.Len()*ln.KDim())
			for j := range ln.Len() {
				ln.Key(j, keys[j*ln.KDim():(j+1)*ln.KDim()])
			}
			q, pos := ln.Queries()
			for _, x := range append(keys, q...) {
				if err := binary.Write(&c.got.half, binary.LittleEndian, float16.Fromfloat32(x).Bits()); err != nil {
					return err
				}
			}
			c.got.Lanes = append(c.got.Lanes, captureLane{
				Name: string(rune('a' + len(c.got.Lanes))), Tokens: ln.Len(), Group: ln.Group(), Dim: ln.KDim(), Queries: len(pos), Scale: ln.Scale(),
			})
		}
	}
	return nil
}

// The keys and queries that the reference and TestKeptSets read are those of
// the real model: with -update they are captured, otherwise compared within what
// kernels of other levels may differ by.
func TestCaptured(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a real model")
	}
	path := golden.Model(t, "smollm2")
	got := &captured{}
	kvcache.Policies["capture"] = capture{got}
	defer delete(kvcache.Policies, "capture")
	eng, err := kvasir.Open(path, kvasir.Options{Context: 512, KV: "capture"})
	require.NoError(t, err)
	defer eng.Close()
	text, err := os.ReadFile(filepath.Join("testdata", "policies", "prompt.txt"))
	require.NoError(t, err)
	ids := eng.Tokenizer().Encode(string(text), kvasir.EncodeOptions{})
	require.GreaterOrEqual(t, len(ids), captureTokens)
	s, err := eng.NewSession()
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, s.Prefill(context.Background(), kvasir.Prompt{Tokens: ids[:captureTokens]}))
	require.Len(t, got.Lanes, len(captureLanes))
	meta, err := json.MarshalIndent(got, "", "  ")
	require.NoError(t, err)
	golden.Compare(t, filepath.Join("testdata", "policies", "capture.json"), append(meta, '\n'))
	file := filepath.Join("testdata", "policies", "capture.f16")
	if golden.Update() {
		require.NoError(t, os.WriteFile(file, got.half.Bytes(), 0o666))
		return
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Len(t, want, got.half.Len())
	var sum, diff float64
	for i := 0; i < len(want); i += 2 {
		a := float64(float16.Frombits(binary.LittleEndian.Uint16(want[i:])).Float32())
		b := float64(float16.Frombits(binary.LittleEndian.Uint16(got.half.Bytes()[i:])).Float32())
		sum, diff = sum+a*a, diff+(a-b)*(a-b)
	}
	require.Less(t, diff, 1e-3*sum, "keys and queries are those of the model")
}
