package kvasir_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kvasir"
	"kvasir/internal/tinymodel"
	"kvasir/quant"
)

// sessionLogits returns the logits that follow a session's last token.
func sessionLogits(t *testing.T, s *kvasir.Session) []float32 {
	t.Helper()
	var out []float32
	require.NoError(t, s.NextLogits(context.Background(), nil, func(x []float32) error {
		out = append(out, x...)
		return nil
	}))
	return out
}

// Whatever way a session came to its tokens, what follows is the same to the bit.
func TestSessionsAgree(t *testing.T) {
	ctx := context.Background()
	for name, spec := range map[string]tinymodel.Spec{"global": textSpec, "windows": windowSpec} {
		t.Run(name, func(t *testing.T) {
			eng := openTiny(t, spec, kvasir.Options{Batch: 64})
			ids := tinymodel.IDs(300, eng.Info().Vocabulary)
			prefilled := func(ids []int32) *kvasir.Session {
				s := newSession(t, eng)
				require.NoError(t, s.Prefill(ctx, kvasir.Prompt{Tokens: ids}))
				return s
			}
			want := sessionLogits(t, prefilled(ids))

			s := newSession(t, eng)
			for i := 0; i < 300; i += 75 {
				require.NoError(t, s.Prefill(ctx, kvasir.Prompt{Tokens: ids[i : i+75]}))
			}
			require.Equal(t, want, sessionLogits(t, s), "in four parts")
			require.Equal(t, want, sessionLogits(t, s), "asked again")
			require.Equal(t, ids, s.Tokens())

			fork, err := s.Fork()
			require.NoError(t, err)
			require.NoError(t, s.Truncate(20))
			require.NoError(t, s.Prefill(ctx, kvasir.Prompt{Tokens: ids[:100]}))
			require.Equal(t, want, sessionLogits(t, fork), "a fork after its origin changed")
			require.NoError(t, fork.Close())

			// Far back: windowed layers have lost what they need, and it is computed anew.
			for _, n := range []int{299, 250, 100, 1, 0} {
				s := prefilled(append(append([]int32(nil), ids...), 5, 6, 7))
				require.NoError(t, s.Truncate(n))
				require.Equal(t, n, s.Len())
				require.NoError(t, s.Prefill(ctx, kvasir.Prompt{Tokens: ids[n:]}))
				require.Equal(t, want, sessionLogits(t, s), "cut to %d and continued", n)
				require.NoError(t, s.Close())
			}
			s = prefilled(ids)
			require.NoError(t, s.Reset())
			require.Zero(t, s.Len())
			require.NoError(t, s.Prefill(ctx, kvasir.Prompt{Tokens: ids}))
			require.Equal(t, want, sessionLogits(t, s), "after a reset")
		})
	}
}

func TestLogits(t *testing.T) {
	ctx := context.Background()
	eng := openTiny(t, textSpec, kvasir.Options{Batch: 16})
	ids := tinymodel.IDs(50, eng.Info().Vocabulary)
	all := allLogits(t, eng, ids)
	s := newSession(t, eng)
	require.NoError(t, s.Prefill(ctx, kvasir.Prompt{Tokens: ids[:20]}))
	next := 20
	require.NoError(t, s.Logits(ctx, ids[20:], func(pos int, x []float32) error {
		require.Equal(t, next, pos)
		require.Equal(t, all[pos], x)
		next++
		return nil
	}))
	require.Equal(t, 50, next)
	require.NoError(t, s.Logits(ctx, nil, nil), "nothing to do")
	require.Equal(t, 50, s.Len())

	// An error of the caller ends it; the session can go on.
	stop := errors.New("enough")
	s = newSession(t, eng)
	calls := 0
	err := s.Logits(ctx, ids, func(int, []float32) error {
		if calls++; calls == 20 {
			return stop
		}
		return nil
	})
	require.ErrorIs(t, err, stop)
	require.Equal(t, 20, calls)
	require.Equal(t, all[49], sessionLogits(t, s))
}

func TestPromptErrors(t *testing.T) {
	ctx := context.Background()
	eng := openTiny(t, textSpec, kvasir.Options{})
	s := newSession(t, eng)
	n := int32(eng.Info().Vocabulary)
	require.ErrorContains(t, s.Prefill(ctx, kvasir.Prompt{Tokens: []int32{0, n}}), fmt.Sprintf("token %d at index 1", n))
	require.ErrorContains(t, s.Prefill(ctx, kvasir.Prompt{Tokens: []int32{-1}}), "token -1")
	require.ErrorContains(t, s.Prefill(ctx, kvasir.Prompt{Text: "a", Tokens: []int32{1}}), "both text and tokens")
	require.Zero(t, s.Len())
	require.NoError(t, s.Prefill(ctx, kvasir.Prompt{}), "nothing to add")
	require.Zero(t, s.Len())
	_, err := tryGenerate(ctx, s, kvasir.Prompt{}, greedy(1))
	require.ErrorContains(t, err, "nothing to continue")
	require.Error(t, s.NextLogits(ctx, nil, nil))
	require.ErrorContains(t, s.Truncate(1), "the session has 0")
	require.ErrorContains(t, s.Truncate(-1), "-1")
}

// A beginning-of-text token is put before the first text only.
func TestBeginningOfText(t *testing.T) {
	ctx := context.Background()
	spec := textSpec
	spec.AddBOS = true
	eng := openTiny(t, spec, kvasir.Options{})
	bos, _ := eng.Tokenizer().BOS()
	hello := eng.Tokenizer().Encode("hello", kvasir.EncodeOptions{})[0]
	end := int32(eng.Tokenizer().Size() - 1)
	tokens := func(prompts ...kvasir.Prompt) []int32 {
		s := newSession(t, eng)
		for _, p := range prompts {
			require.NoError(t, s.Prefill(ctx, p))
		}
		return s.Tokens()
	}
	require.Equal(t, []int32{bos, hello, hello}, tokens(kvasir.Text("hello"), kvasir.Text("hello")))
	require.Equal(t, []int32{hello, hello}, tokens(kvasir.Prompt{Tokens: []int32{hello}}, kvasir.Text("hello")))
	require.Equal(t, []int32{bos, hello, end}, tokens(kvasir.Text("hello"+tinymodel.TurnEnd)))
	require.Equal(t, []int32{bos}, tokens(kvasir.Prompt{}))
	plain := tokens(kvasir.Prompt{Text: "hello" + tinymodel.TurnEnd, NoSpecial: true})
	require.Equal(t, hello, plain[0])
	require.NotContains(t, plain, end)
	g := generate(t, newSession(t, eng), kvasir.Prompt{}, greedy(3))
	require.Len(t, g.ids, 3, "the token alone can be continued")
}

func TestContextFull(t *testing.T) {
	ctx := context.Background()
	eng := openTiny(t, textSpec, kvasir.Options{Context: 40, Batch: 16})
	ids := tinymodel.IDs(41, eng.Info().Vocabulary)
	s := newSession(t, eng)
	err := s.Prefill(ctx, kvasir.Prompt{Tokens: ids})
	require.ErrorIs(t, err, kvasir.ErrContextFull)
	var full *kvasir.ContextError
	require.ErrorAs(t, err, &full)
	require.Equal(t, kvasir.ContextError{Prompt: 41, Context: 40}, *full)
	require.ErrorContains(t, err, "the prompt has 41 tokens, the context holds 40")
	require.Zero(t, s.Len(), "nothing was added")

	require.NoError(t, s.Prefill(ctx, kvasir.Prompt{Tokens: ids[:30]}))
	err = s.Prefill(ctx, kvasir.Prompt{Tokens: ids[:11]})
	require.ErrorContains(t, err, "the session has 30 tokens and the prompt 11 more, the context holds 40")
	require.Equal(t, 30, s.Len())

	g := generate(t, s, kvasir.Prompt{Tokens: ids[30:37]}, greedy(0))
	require.Len(t, g.ids, 3)
	require.Equal(t, kvasir.FinishContext, g.finish)
	require.Equal(t, 40, s.Len())
	_, err = tryGenerate(ctx, s, kvasir.Prompt{}, greedy(1))
	require.ErrorIs(t, err, kvasir.ErrContextFull)
	require.ErrorContains(t, err, "no room for an answer")
	require.NotNil(t, sessionLogits(t, s), "the last token can still be evaluated")
	require.ErrorIs(t, s.NextLogits(ctx, ids[:1], nil), kvasir.ErrContextFull)
	require.NoError(t, s.Truncate(39))
	require.Len(t, generate(t, s, kvasir.Prompt{}, greedy(0)).ids, 1)

	s = newSession(t, eng)
	_, err = tryGenerate(ctx, s, kvasir.Prompt{Tokens: ids[:40]}, greedy(1))
	require.ErrorContains(t, err, "the prompt has 40 tokens, the context holds 40, which leaves no room for an answer")
	require.Zero(t, s.Len())
}

// The limit of the cache holds; the session can be cut back and used again.
func TestCacheLimit(t *testing.T) {
	ctx := context.Background()
	path := tinyFile(t, textSpec)
	info, err := kvasir.Inspect(path)
	require.NoError(t, err)
	limit, err := info.CacheBytes(64, "i16")
	require.NoError(t, err)
	eng, err := kvasir.Open(path, kvasir.Options{CacheBytes: limit, Batch: 32})
	require.NoError(t, err)
	defer eng.Close()
	ids := tinymodel.IDs(96, eng.Info().Vocabulary)
	s := newSession(t, eng)
	require.ErrorIs(t, s.Prefill(ctx, kvasir.Prompt{Tokens: ids}), kvasir.ErrPool)
	require.LessOrEqual(t, eng.Stats().CacheBytes, limit)
	require.Equal(t, 96, s.Len())
	require.NoError(t, s.Truncate(60))
	want := allLogits(t, openTiny(t, textSpec, kvasir.Options{}), ids[:60])
	require.Equal(t, want[59], sessionLogits(t, s))
	other := newSession(t, eng)
	require.ErrorIs(t, other.Prefill(ctx, kvasir.Prompt{Tokens: ids[:1]}), kvasir.ErrPool)
	require.NoError(t, s.Close())
	require.NoError(t, other.Prefill(ctx, kvasir.Prompt{}), "the memory is free again")
	require.NoError(t, s.Close())
}

// A session is for one goroutine at a time; the second is told so.
func TestBusy(t *testing.T) {
	ctx := context.Background()
	eng := openTiny(t, textSpec, kvasir.Options{})
	s := newSession(t, eng)
	n := 0
	for tok, err := range s.Generate(ctx, kvasir.Text("hello"), greedy(3)) {
		require.NoError(t, err)
		n++
		require.ErrorIs(t, s.Prefill(ctx, kvasir.Text("x")), kvasir.ErrBusy)
		require.ErrorIs(t, s.Logits(ctx, []int32{1}, nil), kvasir.ErrBusy)
		require.ErrorIs(t, s.NextLogits(ctx, nil, nil), kvasir.ErrBusy)
		require.ErrorIs(t, s.Truncate(0), kvasir.ErrBusy)
		require.ErrorIs(t, s.Reset(), kvasir.ErrBusy)
		require.ErrorIs(t, s.Close(), kvasir.ErrBusy)
		_, err = s.Fork()
		require.ErrorIs(t, err, kvasir.ErrBusy)
		_, err = tryGenerate(ctx, s, kvasir.Prompt{}, greedy(1))
		require.ErrorIs(t, err, kvasir.ErrBusy)
		require.Empty(t, tok.Finish == "" && n == 3)
	}
	require.Equal(t, 3, n)
	require.NoError(t, s.Prefill(ctx, kvasir.Text("x")), "free again")

	// Breaking out of the loop frees it as well; the iterator is used up.
	seq := s.Generate(ctx, kvasir.Prompt{}, greedy(5))
	for range seq {
		break
	}
	require.NoError(t, s.Prefill(ctx, kvasir.Text("x")))
	for _, err := range seq {
		require.ErrorIs(t, err, kvasir.ErrBusy)
	}
}

// cancelAfter is a context that is cancelled the n-th time it is asked.
type cancelAfter struct {
	context.Context
	left *int
}

func newCancelAfter(n int) cancelAfter { return cancelAfter{context.Background(), &n} }

func (c cancelAfter) Err() error {
	if *c.left--; *c.left < 0 {
		return context.Canceled
	}
	return nil
}

// Cancelling stops within a layer, wherever a pass is; what follows is as if
// nothing had happened.
func TestCancel(t *testing.T) {
	ctx := context.Background()
	for name, spec := range map[string]tinymodel.Spec{"global": textSpec, "windows": windowSpec} {
		t.Run(name, func(t *testing.T) {
			eng := openTiny(t, spec, kvasir.Options{Batch: 32})
			ids := tinymodel.IDs(100, eng.Info().Vocabulary)
			want := generate(t, newSession(t, eng), kvasir.Prompt{Tokens: ids}, greedy(20))
			for checks := 0; ; checks++ {
				s := newSession(t, eng)
				got, err := tryGenerate(newCancelAfter(checks), s, kvasir.Prompt{Tokens: ids}, greedy(20))
				require.Equal(t, fmt.Sprint(want.ids[:len(got.ids)]), fmt.Sprint(got.ids), "after %d checks", checks)
				if err == nil {
					require.Greater(t, checks, 20*eng.Info().Layers, "every layer of every pass asks")
					require.Equal(t, want.ids, got.ids)
					break
				}
				require.ErrorIs(t, err, context.Canceled)
				require.Equal(t, 100+len(got.ids), s.Len())
				if checks%7 == 0 {
					rest := generate(t, s, kvasir.Prompt{}, greedy(20-len(got.ids)))
					require.Equal(t, want.ids[len(got.ids):], rest.ids, "after %d checks", checks)
				}
				require.NoError(t, s.Close())
			}

			s := newSession(t, eng)
			require.ErrorIs(t, s.Prefill(newCancelAfter(3), kvasir.Prompt{Tokens: ids}), context.Canceled)
			require.Equal(t, 100, s.Len())
			require.Equal(t, want.ids, generate(t, s, kvasir.Prompt{}, greedy(20)).ids)
			require.ErrorIs(t, s.Logits(newCancelAfter(1), ids, func(int, []float32) error { return nil }), context.Canceled)
			require.NoError(t, s.Truncate(100))
			require.Equal(t, want.ids, generate(t, s, kvasir.Prompt{}, greedy(20)).ids)
		})
	}
	eng := openTiny(t, textSpec, kvasir.Options{})
	expired, cancel := context.WithDeadline(ctx, time.Now().Add(-time.Second))
	defer cancel()
	_, err := tryGenerate(expired, newSession(t, eng), kvasir.Text("x"), greedy(1))
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

// Logits that are no numbers are an error, not a token.
func TestBadLogits(t *testing.T) {
	m, err := tinymodel.New(textSpec)
	require.NoError(t, err)
	m.Tensor("output_norm.weight").Fill(float32(math.NaN()))
	path := t.TempDir() + "/nan.gguf"
	require.NoError(t, m.Write(path))
	eng, err := kvasir.Open(path, kvasir.Options{})
	require.NoError(t, err)
	defer eng.Close()
	s := newSession(t, eng)
	for _, o := range []kvasir.GenerateOptions{greedy(3), {MaxTokens: 3}, {MaxTokens: 3, TopLogprobs: 2}} {
		_, err = tryGenerate(context.Background(), s, kvasir.Text("hello"), o)
		require.ErrorIs(t, err, kvasir.ErrBadLogits)
	}
	require.NoError(t, s.Close())
}

// The promise holds for every storage, precision and way of reading the file.
func TestOptionsKeepThePromise(t *testing.T) {
	path := tinyFile(t, tinymodel.Spec{Arch: "gemma3", Text: true, Type: quant.Q8_0, Window: 40})
	open := func(o kvasir.Options) *kvasir.Engine {
		eng, err := kvasir.Open(path, o)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, eng.Close()) })
		return eng
	}
	ids := tinymodel.IDs(100, 287)
	usual := allLogits(t, open(kvasir.Options{}), ids)
	for name, o := range map[string]kvasir.Options{
		"i16":    {KVType: "i16", KV: "dense", Attention: "dense", Precision: "standard"},
		"f32":    {KVType: "f32"},
		"f16":    {KVType: "f16"},
		"bf16":   {KVType: "bf16"},
		"q8_0":   {KVType: "q8_0"},
		"q4_0":   {KVType: "q4_0"},
		"high":   {Precision: "high"},
		"nommap": {NoMmap: true},
	} {
		t.Run(name, func(t *testing.T) {
			want := allLogits(t, open(o), ids)
			if name == "i16" || name == "nommap" {
				require.Equal(t, usual, want)
			} else {
				require.NotEqual(t, usual, want)
			}
			o.Batch, o.Threads = 9, 3
			require.Equal(t, want, allLogits(t, open(o), ids))
		})
	}
}
