package kvcache

import (
	"math"
	"math/rand/v2"
	"testing"
)

// benchSeq is a sequence of one layer like SmolLM2's (3 heads of 64, three
// queries each) with a prompt of n tokens, under a policy that has not cut yet.
func benchSeq(b *testing.B, spec string, n int) *Seq {
	b.Helper()
	rope := &Rope{}
	for i := range 32 {
		rope.Inv = append(rope.Inv, math.Pow(1e5, -float64(i)/32))
	}
	c, err := Open(Config{Ctx: 8192, Layers: []LayerSpec{{KVHeads: 3, QHeads: 9, KDim: 64, VDim: 64, Scale: 0.125, Rope: rope}}})
	if err != nil {
		b.Fatal(err)
	}
	s, err := c.NewSeq(spec)
	if err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	row := make([]float32, 9*64)
	st, tmp := NewStep(1, 256), make([]byte, c.TmpBytes())
	for s.Len() < n {
		k := min(256, n-s.Len())
		if err := c.Begin(st, []Rows{{Seq: s, N: k, Prompt: true}}); err != nil {
			b.Fatal(err)
		}
		for i := range k {
			for d := range row {
				row[d] = float32(r.NormFloat64())
			}
			st.Put(0, i, row[:192], row[192:384], tmp)
			st.Queries(0, i, row)
		}
		if err := st.Commit(); err != nil {
			b.Fatal(err)
		}
	}
	b.Cleanup(func() { s.Close(); _ = c.Close() })
	return s
}

// What a policy needs to decide about one layer of a prompt of 3000 tokens, and
// of 544 slots while generating; the moving is not in it.
func BenchmarkPolicy(b *testing.B) {
	for _, bc := range []struct {
		name, spec string
		n          int
		kind       EventKind
	}{
		{"sinks/n=3000", "sinks:budget=375", 3000, EndOfPrompt},
		{"snapkv/n=3000", "snapkv:budget=375", 3000, EndOfPrompt},
		{"chelsea/n=3000", "chelsea:budget=375", 3000, EndOfPrompt},
		{"auto/n=3000", "auto:budget=375", 3000, EndOfPrompt},
		{"autocheap/n=3000", "auto:budget=375,cheap=1", 3000, EndOfPrompt},
		{"chelsea/decode", "chelsea:budget=512", 544, Pressure},
		{"auto/decode", "auto:budget=512,queries=32", 544, Pressure},
	} {
		b.Run(bc.name, func(b *testing.B) {
			s := benchSeq(b, bc.spec, bc.n)
			for b.Loop() {
				c := s.compaction()
				if err := s.state.Clone().Compact(Event{Kind: bc.kind, Len: bc.n}, c); err != nil {
					b.Fatal(err)
				}
				c.finish()
			}
		})
	}
}
