package eval

import (
	"errors"
	"testing"
)

// FuzzParseSettings: any words are a setting or wrong usage.
func FuzzParseSettings(f *testing.F) {
	for _, s := range []string{"dense", "sinks:bytes=1/4", "snapkv:bytes=0.5,window=16", "sinks:budget=64", "a:b=c,=,,", "sinks:bytes=1/-4", ":", "sinks:bytes=nan"} {
		f.Add(s, "i16")
	}
	f.Fuzz(func(t *testing.T, kv, kind string) {
		set, err := ParseSettings([]string{kv}, []string{kind}, nil)
		if err != nil {
			if !errors.Is(err, ErrSetting) {
				t.Fatalf("%q: %v", kv, err)
			}
			return
		}
		s := set[0]
		if s.Ratio < 0 || s.Ratio > 1 {
			t.Fatalf("%q: a share of %g", kv, s.Ratio)
		}
		if s.Ratio > 0 && budgetOf(s.withBudget(96)) != 96 {
			t.Fatalf("%q: the budget of %q", kv, s.withBudget(96))
		}
	})
}
