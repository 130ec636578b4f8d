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
	f.Add([]byte(`{"top_k":0,"top_p":1,"min_p":0,"top_n_sigma":1.5,"typical_p":0.7,"xtc_probability":1,"dynatemp_range":0.9,"dry_multiplier":1,"dry_allowed_length":0}`), row)
	f.Add([]byte(`{"top_h":0.4,"temperature":1.7,"samplers":["ht"],"dry_multiplier":2,"dry_sequence_breakers":["ab","a"]}`), row)
	f.Add([]byte(`{"top_h":0.4,"top_h_mode":"ref","top_h_n":3,"preset":"wild"}`), row)
	f.Add([]byte(`{"mirostat":1,"mirostat_tau":0.5}`), row)
	f.Add([]byte(`{"mirostat":2,"mirostat_eta":9,"samplers":["mirostat;xtc;penalties"],"presence_penalty":1}`), row)
	f.Add([]byte(`{"adaptive_target":0.3,"adaptive_decay":0,"preset":"creative"}`), row)
	f.Fuzz(func(t *testing.T, settings, bits []byte) {
		p := sampler.DefaultParams()
		if json.Unmarshal(settings, &p) != nil {
			return
		}
		logits := make([]float32, len(bits)/4)
		for i := range logits {
			logits[i] = math.Float32frombits(binary.LittleEndian.Uint32(bits[4*i:]))
		}
		letters := []byte("ab:a\nb*\"cab")
		breakers := sampler.NewBreakers(len(logits), func(id int32) []byte {
			i := int(id) % len(letters)
			return letters[i:min(i+1+int(id)%2, len(letters))]
		}, func(text string) []int32 { return []int32{int32(len(text)) % int32(len(logits))} })
		c, err := sampler.NewChain(p, sampler.Vocab{Size: len(logits), Breakers: breakers})
		if err != nil {
			return
		}
		for pos := range uint32(8) {
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
