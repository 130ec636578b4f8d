package sampler_test

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"testing"

	"kvasir/sampler"
)

// FuzzChain feeds settings as JSON and logits as raw bits: whatever they are, a chain
// either names its error or draws a token that the row allows.
func FuzzChain(f *testing.F) {
	row := make([]byte, 0, 32)
	for _, x := range []float64{1, -2, math.Inf(-1), 3, 3, 0} {
		row = binary.LittleEndian.AppendUint32(row, math.Float32bits(float32(x)))
	}
	f.Add([]byte(`{}`), row)
	f.Add([]byte(`{"temperature":0,"logit_bias":{"3":-100}}`), row)
	f.Add([]byte(`{"temperature":1e-300,"top_k":0,"top_p":0.5,"min_p":0}`), row)
	f.Add([]byte(`{"repeat_penalty":1e-30,"repeat_last_n":-1,"samplers":["min_p","penalties","top_p"],"seed":-1}`), row)
	f.Fuzz(func(t *testing.T, settings, bits []byte) {
		p := sampler.DefaultParams()
		if json.Unmarshal(settings, &p) != nil {
			return
		}
		logits := make([]float32, len(bits)/4)
		for i := range logits {
			logits[i] = math.Float32frombits(binary.LittleEndian.Uint32(bits[4*i:]))
		}
		c, err := sampler.NewChain(p, sampler.Vocab{Size: len(logits)})
		if err != nil {
			return
		}
		for pos := range uint32(3) {
			var d sampler.Dist
			tok, err := c.Next(logits, pos, &d)
			if errors.Is(err, sampler.ErrBadLogits) || errors.Is(err, sampler.ErrNoCandidates) {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d.Prob(tok) <= 0 || math.IsInf(float64(logits[tok]), -1) {
				t.Fatalf("drew token %d of logit %v, probability %v", tok, logits[tok], d.Prob(tok))
			}
			if err := c.Accept(tok); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// FuzzSeed: what is read is written the same and read again as the same seed.
func FuzzSeed(f *testing.F) {
	for _, s := range []string{"-1", "0", "4294967295", "18446744073709551615", "+1", "007", "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var s, back sampler.Seed
		if s.UnmarshalText([]byte(text)) != nil {
			return
		}
		if err := back.UnmarshalText([]byte(s.String())); err != nil || back != s {
			t.Fatalf("%q became %v, then %v (%v)", text, s, back, err)
		}
	})
}
