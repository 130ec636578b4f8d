package chunk

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSentences(t *testing.T) {
	for text, want := range map[string][]string{
		"":                                nil,
		"One. Two!  Three?":               {"One. ", "Two!  ", "Three?"},
		"He said \"no.\" Then 3.14 it is": {"He said \"no.\" ", "Then 3.14 it is"},
		"a\n\nb\n":                        {"a\n\n", "b\n"},
		"你好。再见！":                          {"你好。", "再见！"},
	} {
		got := Sentences(text)
		require.Equal(t, want, got)
		require.Equal(t, text, strings.Join(got, ""))
	}
}

// The cases of the design, worked by hand.
func TestByPerplexity(t *testing.T) {
	v := []float64{3, 2, 2.5, 2.4, 2.6, 1, 1, 2}
	require.Equal(t, []int{1, 3, 5}, ByPerplexity(v, 0))
	require.Equal(t, []int{1, 5}, ByPerplexity(v, 0.5))
	require.Empty(t, ByPerplexity([]float64{1, 0}, 0))
	require.Empty(t, ByPerplexity([]float64{math.NaN(), 1, math.NaN()}, 0))
}

func TestMargins(t *testing.T) {
	var m Margins
	for _, x := range []float64{0.1, -0.2, 0.3, 0.4, 0.4} {
		require.Equal(t, x > 0, m.Join(x))
	}
	require.False(t, m.Join(0.19)) // the mean of the five is 0.2
	require.True(t, m.Join(0.25))  // now 0.218
}

func TestMerge(t *testing.T) {
	words := []int{5, 5, 5, 5, 5}
	require.Equal(t, []int{1, 3}, Merge(words, []int{0, 1, 2, 3}, 10))
	require.Empty(t, Merge(words, []int{0, 1, 2, 3}, 100))
	require.Equal(t, []int{0, 2}, Merge(words, []int{0, 2}, 0))
	require.Equal(t, []int{0, 1, 2, 3}, Merge(words, []int{0, 1, 2, 3}, 3))
}
