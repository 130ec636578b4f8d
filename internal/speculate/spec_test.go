package speculate_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir/internal/speculate"
)

func TestParseDraft(t *testing.T) {
	for _, tc := range []struct {
		text string
		want speculate.Draft
	}{
		{"lookup", speculate.Draft{Source: speculate.FromLookup, Match: 1}},
		{"lookup:n=5", speculate.Draft{Source: speculate.FromLookup, Match: 5}},
		{"self:skip=2+5-7", speculate.Draft{Source: speculate.FromSelf, Skip: []int{2, 5, 6, 7}}},
		{"self:skip=2,attention=quest:a=1,b=2", speculate.Draft{Source: speculate.FromSelf, Skip: []int{2}, Attention: "quest:a=1,b=2"}},
		{"self:kv=snapkv:budget=64,window=8,skip=1", speculate.Draft{Source: speculate.FromSelf, Skip: []int{1}, KV: "snapkv:budget=64,window=8"}},
		{"a/draft.gguf", speculate.Draft{Source: speculate.FromModel, Path: "a/draft.gguf"}},
	} {
		got, err := speculate.ParseDraft(tc.text)
		require.NoError(t, err, tc.text)
		require.Equal(t, tc.want, got)
	}
	for text, want := range map[string]string{
		"":                 "use lookup",
		"lookup:k=4":       `unknown key "k": use n`,
		"lookup:n=0":       "must be 1 to 64",
		"self":             "say what to leave out",
		"self:depth=3":     `unknown key "depth"`,
		"self:skip=5-3":    "no layer or range",
		"self:skip=":       "no layer or range",
		"self:skip=3+2":    "ascend",
		"self:skip=9999":   "no layer",
		"self:attention=":  "without a name",
		"self:kv=":         "without a name",
		"self:skip=1,x=,,": "no layer or range",
	} {
		_, err := speculate.ParseDraft(text)
		require.ErrorContains(t, err, want, text)
	}
}

func TestParseVerify(t *testing.T) {
	for text, want := range map[string]speculate.Verify{
		"": {Match: true, K: 1}, "match": {Match: true, K: 1}, "ratio": {K: 1},
		"kseq": {K: 4}, "kseq:k=8": {K: 8}, "wor:k=2": {K: 2, Distinct: true},
	} {
		got, err := speculate.ParseVerify(text)
		require.NoError(t, err)
		require.Equal(t, want, got, text)
		require.Equal(t, want.Match, got.Rule() == nil)
	}
	for text, want := range map[string]string{
		"exact": "unknown verification", "match:k=2": "no settings", "ratio:": "no settings",
		"kseq:k=0": "must be 1 to 16", "wor:n=2": "unknown key",
	} {
		_, err := speculate.ParseVerify(text)
		require.ErrorContains(t, err, want, text)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"lookup:n=5", "self:skip=2+5-7,attention=a:b", "kseq:k=3", "x.gguf"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := speculate.ParseDraft(s); err == nil {
			require.LessOrEqual(t, len(d.Skip), 4096)
		}
		if v, err := speculate.ParseVerify(s); err == nil {
			require.True(t, v.K >= 1 && v.K <= speculate.MaxTrials)
		}
	})
}
