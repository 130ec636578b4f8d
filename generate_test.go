package kvasir_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir"
	"kvasir/internal/tinymodel"
)

func TestMaxTokens(t *testing.T) {
	eng := openTiny(t, textSpec, kvasir.Options{})
	want := generate(t, newSession(t, eng), kvasir.Text("hello world"), greedy(30))
	require.Len(t, want.ids, 30)
	require.Equal(t, kvasir.FinishLength, want.finish)
	require.Equal(t, eng.Tokenizer().Decode(want.ids, false), want.text)
	for i, tok := range want.tokens[:29] {
		require.Empty(t, tok.Finish, "token %d", i)
		require.Zero(t, tok.Logprob)
		require.Nil(t, tok.Top)
	}
	// The same in parts.
	s := newSession(t, eng)
	require.NoError(t, s.Prefill(context.Background(), kvasir.Text("hello world")))
	var ids []int32
	for range 6 {
		ids = append(ids, generate(t, s, kvasir.Prompt{}, greedy(5)).ids...)
	}
	require.Equal(t, want.ids, ids)
	require.Equal(t, 2+30, s.Len())
}

func TestGenerateErrors(t *testing.T) {
	eng := openTiny(t, textSpec, kvasir.Options{})
	s := newSession(t, eng)
	for _, tc := range []struct {
		o    kvasir.GenerateOptions
		text string
	}{
		{kvasir.GenerateOptions{MaxTokens: -1}, "max tokens -1"},
		{kvasir.GenerateOptions{TopLogprobs: -1}, "top logprobs -1"},
		{kvasir.GenerateOptions{Stop: []string{"a", ""}}, "empty stop string"},
		{kvasir.GenerateOptions{Sampling: kvasir.Sampling{TopK: 5}}, "repeat_penalty"},
		{kvasir.GenerateOptions{Sampling: kvasir.Sampling{Samplers: []string{"none"}}}, "none"},
		{kvasir.GenerateOptions{Sampling: kvasir.Sampling{LogitBias: map[int32]float32{1 << 20: 1}}}, "1048576"},
	} {
		_, err := tryGenerate(context.Background(), s, kvasir.Text("hello"), tc.o)
		require.ErrorContains(t, err, tc.text)
		require.Zero(t, s.Len(), "nothing was added")
	}
}

func TestSeeds(t *testing.T) {
	eng := openTiny(t, textSpec, kvasir.Options{})
	run := func(seed uint64, batch int) []int32 {
		o := kvasir.GenerateOptions{MaxTokens: 40, Sampling: kvasir.DefaultSampling()}
		o.Sampling.Temperature, o.Sampling.TopK = 3, 0
		o.Sampling.Seed = kvasir.FixedSeed(seed)
		return generate(t, newSession(t, openTiny(t, textSpec, kvasir.Options{Batch: batch, Threads: 1 + batch%3})), kvasir.Text("hello world"), o).ids
	}
	want := run(7, 0)
	require.Equal(t, want, run(7, 1))
	require.Equal(t, want, run(7, 2))
	require.NotEqual(t, want, run(8, 0))

	// Cut back and generated again, the same seed draws the same tokens.
	s := newSession(t, eng)
	o := kvasir.GenerateOptions{MaxTokens: 40, Sampling: kvasir.Sampling{Seed: kvasir.FixedSeed(3)}}
	first := generate(t, s, kvasir.Text("hello world"), o)
	require.NoError(t, s.Truncate(2+10))
	o.MaxTokens = 30
	require.Equal(t, first.ids[10:], generate(t, s, kvasir.Prompt{}, o).ids)
}

func TestLogprobs(t *testing.T) {
	eng := openTiny(t, textSpec, kvasir.Options{})
	o := greedy(10)
	o.TopLogprobs = 3
	var rows [][]float32
	o.Logits = func(pos int, logits []float32) {
		require.Equal(t, 2+len(rows), pos)
		rows = append(rows, slices.Clone(logits))
	}
	g := generate(t, newSession(t, eng), kvasir.Text("hello world"), o)
	require.Len(t, rows, 10)
	for i, tok := range g.tokens {
		require.Len(t, tok.Top, 3)
		lse := 0.0
		for _, v := range rows[i] {
			lse += math.Exp(float64(v))
		}
		for j, top := range tok.Top {
			require.InDelta(t, float64(rows[i][top.ID])-math.Log(lse), top.Logprob, 1e-6)
			require.True(t, j == 0 || top.Logprob <= tok.Top[j-1].Logprob)
		}
		require.Equal(t, tok.ID, tok.Top[0].ID)
		require.Equal(t, tok.Top[0].Logprob, tok.Logprob)
	}
	// More than there are.
	o = greedy(1)
	o.TopLogprobs = 100000
	g = generate(t, newSession(t, eng), kvasir.Text("hello world"), o)
	require.Len(t, g.tokens[0].Top, eng.Info().Vocabulary)
}

// The hook may steer the generation; log-probabilities are of what it left.
func TestLogitsHook(t *testing.T) {
	eng := openTiny(t, textSpec, kvasir.Options{})
	want := eng.Tokenizer().Encode("hello world and you", kvasir.EncodeOptions{})
	g := generate(t, newSession(t, eng), kvasir.Text("the"), script(kvasir.GenerateOptions{MaxTokens: len(want), TopLogprobs: 1}, 1, want))
	require.Equal(t, want, g.ids)
	require.Equal(t, "hello world and you", g.text)
	require.InDelta(t, 0, g.tokens[0].Logprob, 1e-6)
}

func TestEndOfText(t *testing.T) {
	eng := openTiny(t, textSpec, kvasir.Options{})
	tok := eng.Tokenizer()
	ids := append(tok.Encode("hello", kvasir.EncodeOptions{}), int32(tok.Size()-1))
	s := newSession(t, eng)
	g := generate(t, s, kvasir.Text("the"), script(kvasir.GenerateOptions{}, 1, ids))
	require.Equal(t, ids, g.ids)
	require.Equal(t, "hello", g.text, "the end itself is not shown")
	require.Equal(t, kvasir.FinishStop, g.finish)
	require.Equal(t, 3, s.Len(), "but it is part of the session")

	o := kvasir.GenerateOptions{MaxTokens: 5, Sampling: kvasir.Greedy()}
	o.Sampling.IgnoreEOS = true
	end := int32(tok.Size() - 1)
	o.Logits = func(_ int, logits []float32) { logits[end] = 1000 }
	require.NotContains(t, generate(t, newSession(t, eng), kvasir.Text("the"), o).ids, end)
	o.Sampling.IgnoreEOS = false
	require.Equal(t, []int32{end}, generate(t, newSession(t, eng), kvasir.Text("the"), o).ids)
}

// Text comes in whole characters, and bytes that are none become U+FFFD.
func TestWholeCharacters(t *testing.T) {
	eng := openTiny(t, textSpec, kvasir.Options{})
	for _, text := range []string{"aé☃😀b", "😀😀", "é"} {
		ids := eng.Tokenizer().Encode(text, kvasir.EncodeOptions{})
		require.Len(t, ids, len(text), "one token a byte")
		g := generate(t, newSession(t, eng), kvasir.Text("the"), script(kvasir.GenerateOptions{MaxTokens: len(ids)}, 1, ids))
		require.Equal(t, text, g.text)
		for _, tok := range g.tokens {
			require.True(t, strings.ToValidUTF8(tok.Text, "") == tok.Text)
		}
	}
	ids := []int32{'a', 0xF0, 0x9F, 'b', 0xC3}
	g := generate(t, newSession(t, eng), kvasir.Text("the"), script(kvasir.GenerateOptions{MaxTokens: len(ids)}, 1, ids))
	require.Equal(t, "a\ufffdb\ufffd", g.text)
	require.Equal(t, "", g.tokens[1].Text, "held back")
}

func TestStop(t *testing.T) {
	eng := openTiny(t, textSpec, kvasir.Options{})
	tok := eng.Tokenizer()
	for name, tc := range map[string]struct {
		text string
		stop []string
		want string
		hit  bool
	}{
		"in one token":               {"you hello and the", []string{"hello"}, "you ", true},
		"across tokens":              {"hello world and", []string{"lo wor"}, "hel", true},
		"a byte at a time":           {"xyzxyzq more", []string{"xyzq"}, "xyz", true},
		"self-overlapping":           {"aaaaab more", []string{"aaab"}, "aa", true},
		"the first of several":       {"one two three", []string{"three", "two", "on e"}, "one ", true},
		"one inside another":         {"xabcx", []string{"abcd", "bc"}, "xa", true},
		"only the beginning of one":  {"hello wor", []string{"world"}, "hello wor", false},
		"not there":                  {"hello world", []string{"nothing"}, "hello world", false},
		"at the very beginning":      {"hello", []string{"h"}, "", true},
		"at the very end":            {"say hello", []string{"hello"}, "say ", true},
		"of several bytes":           {"é☃b", []string{"☃"}, "é", true},
		"with a newline":             {"a\n\nb", []string{"\n\n"}, "a", true},
		"longer than the whole text": {"ab", []string{"abcdefgh"}, "ab", false},
	} {
		t.Run(name, func(t *testing.T) {
			ids := tok.Encode(tc.text, kvasir.EncodeOptions{})
			o := script(kvasir.GenerateOptions{MaxTokens: len(ids), Stop: tc.stop}, 1, ids)
			s := newSession(t, eng)
			g := generate(t, s, kvasir.Text("the"), o)
			require.Equal(t, tc.want, g.text)
			require.Equal(t, ids[:len(g.ids)], g.ids)
			require.Equal(t, 1+len(g.ids), s.Len())
			if !tc.hit {
				require.Equal(t, kvasir.FinishLength, g.finish)
				require.Len(t, g.ids, len(ids))
				return
			}
			require.Equal(t, kvasir.FinishStop, g.finish)
			// No token more than the stop string needed.
			before := tok.Decode(g.ids[:len(g.ids)-1], false)
			for _, s := range tc.stop {
				require.NotContains(t, before, s)
			}
		})
	}
}

// Text of control tokens in a stop string: what is not shown cannot stop.
func TestStopIsText(t *testing.T) {
	eng := openTiny(t, textSpec, kvasir.Options{})
	start := int32(eng.Tokenizer().Size() - 2)
	ids := []int32{'a', start, 'b'}
	g := generate(t, newSession(t, eng), kvasir.Text("the"), script(kvasir.GenerateOptions{MaxTokens: 3, Stop: []string{tinymodel.TurnStart}}, 1, ids))
	require.Equal(t, "ab", g.text)
	require.Equal(t, kvasir.FinishLength, g.finish)
}

// Penalties look at the whole session, the prompt included.
func TestPenaltiesSeeThePrompt(t *testing.T) {
	eng := openTiny(t, textSpec, kvasir.Options{})
	plain := generate(t, newSession(t, eng), kvasir.Text("hello"), greedy(1)).ids[0]
	o := greedy(1)
	o.Sampling.PresencePenalty = 50
	p := append(eng.Tokenizer().Encode("hello", kvasir.EncodeOptions{}), plain)
	with := generate(t, newSession(t, eng), kvasir.Prompt{Tokens: p}, o)
	require.NotContains(t, p, with.ids[0])
}
