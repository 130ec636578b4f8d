package sampler_test

import (
	"errors"
	"testing"

	"kvasir/sampler"

	"github.com/stretchr/testify/require"
)

func TestParseOrder(t *testing.T) {
	for _, tc := range []struct {
		in, want []string
		text     string // of the error
	}{
		{[]string{}, []string{}, ""},
		{[]string{"edskypmxt"}, []string{"penalties", "dry", "top_n_sigma", "top_k", "typ_p", "top_p", "min_p", "xtc", "temperature"}, ""},
		{[]string{"tha"}, []string{"temperature", "top_h", "adaptive_p"}, ""},
		{[]string{"k", "tp"}, []string{"top_k", "temperature", "top_p"}, ""},
		{[]string{"top_k; top_p ;temperature"}, []string{"top_k", "top_p", "temperature"}, ""},
		{[]string{"top-k", "nucleus", "typical_p", "temp", "Min-P", "topnsigma"}, []string{"top_k", "top_p", "typ_p", "temperature", "min_p", "top_n_sigma"}, ""},
		{[]string{"kk"}, nil, "top_k is named twice"},
		{[]string{"top_k", "k"}, nil, "top_k is named twice"},
		{[]string{"kq"}, nil, "kq is not one of adaptive_p"},
		{[]string{"K"}, nil, "K is not one of"},
		{[]string{"infill"}, nil, "infill is not one of"},
		{[]string{""}, nil, "is not one of"},
		{[]string{"top_k;"}, nil, "is not one of"},
	} {
		got, err := sampler.ParseOrder(tc.in)
		if tc.text == "" {
			require.NoError(t, err, "%q", tc.in)
			require.Equal(t, tc.want, got)
			continue
		}
		var pe *sampler.ParamError
		require.True(t, errors.As(err, &pe), "%q: %v", tc.in, err)
		require.Equal(t, "samplers", pe.Param)
		require.ErrorContains(t, err, tc.text)
	}
}

func TestOrderByLetters(t *testing.T) {
	p := allOn()
	p.Mirostat, p.Samplers, p.Preset = 0, []string{"apkht"}, "custom"
	c, err := sampler.NewChain(p, sampler.Vocab{Size: 4})
	require.NoError(t, err)
	require.Equal(t, []string{"top_p", "top_k", "top_h", "temperature", "adaptive_p"}, c.Stages())
	require.Equal(t, []string{"apkht"}, p.Samplers, "the settings are only read")
}
