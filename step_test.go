package kvasir_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir"
	"kvasir/internal/tinymodel"
)

// stepEngine opens a small model whose passes hold at most batch tokens.
func stepEngine(t *testing.T, batch int) *kvasir.Engine {
	t.Helper()
	path := filepath.Join(t.TempDir(), "m.gguf")
	require.NoError(t, tinymodel.Write(path, tinymodel.Spec{Arch: "llama"}))
	eng, err := kvasir.Open(path, kvasir.Options{Context: 32, Batch: batch, Threads: 2})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	return eng
}

func newSession(t *testing.T, eng *kvasir.Engine) *kvasir.Session {
	t.Helper()
	s, err := eng.NewSession()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// allLogits returns the logits after every token.
func allLogits(t *testing.T, eng *kvasir.Engine, tokens []int32) (rows [][]float32) {
	t.Helper()
	err := newSession(t, eng).Logits(context.Background(), tokens, func(_ int, l []float32) error {
		rows = append(rows, slices.Clone(l))
		return nil
	})
	require.NoError(t, err)
	return rows
}

func TestNextLogits(t *testing.T) {
	eng := stepEngine(t, 4)
	ctx := context.Background()
	tokens := tinymodel.IDs(10, 100)
	want := allLogits(t, eng, tokens)
	s := newSession(t, eng)
	calls := 0
	next := func(tokens []int32, row int) {
		t.Helper()
		calls = 0
		err := s.NextLogits(ctx, tokens, func(l []float32) error {
			calls++
			require.Equal(t, want[row], l)
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, 1, calls)
	}
	require.ErrorContains(t, s.NextLogits(ctx, nil, nil), "empty session")
	next(tokens[:7], 6) // more than a pass holds
	next(tokens[7:8], 7)
	next(nil, 7)
	next(tokens[8:], 9)
	require.Equal(t, tokens, s.Tokens())

	stop := errors.New("stop")
	require.ErrorIs(t, s.NextLogits(ctx, tokens[:1], func([]float32) error { return stop }), stop)
	require.ErrorIs(t, s.NextLogits(ctx, make([]int32, 30), nil), kvasir.ErrContextFull)
	require.ErrorContains(t, s.NextLogits(ctx, []int32{-1}, nil), "token -1")
}

// Sessions of different lengths get in one pass what they get alone.
func TestStep(t *testing.T) {
	eng := stepEngine(t, 4)
	ctx := context.Background()
	texts := [][]int32{tinymodel.IDs(4, 100), tinymodel.IDs(9, 90), tinymodel.IDs(5, 80)}
	var sessions []*kvasir.Session
	var want [][][]float32
	for i, text := range texts {
		want = append(want, allLogits(t, eng, text))
		sessions = append(sessions, newSession(t, eng))
		require.NoError(t, sessions[i].Prefill(ctx, kvasir.Prompt{Tokens: text[:len(text)-2]}))
	}
	for left := 2; left > 0; left-- {
		var tokens []int32
		for _, text := range texts {
			tokens = append(tokens, text[len(text)-left])
		}
		var order []int
		require.NoError(t, eng.Step(ctx, sessions, tokens, func(i int, l []float32) error {
			order = append(order, i)
			require.Equal(t, want[i][len(texts[i])-left], l, "session %d", i)
			return nil
		}))
		require.Equal(t, []int{0, 1, 2}, order)
	}
	for i, s := range sessions {
		require.Equal(t, texts[i], s.Tokens())
	}
}

func TestStepErrors(t *testing.T) {
	eng := stepEngine(t, 2)
	ctx := context.Background()
	a, b := newSession(t, eng), newSession(t, eng)
	none := func(int, []float32) error { return nil }
	pair := []*kvasir.Session{a, b}
	require.ErrorContains(t, eng.Step(ctx, nil, nil, none), "step of 0 sessions")
	require.ErrorContains(t, eng.Step(ctx, append(pair, newSession(t, eng)), make([]int32, 3), none), "1 to 2 tokens")
	require.ErrorContains(t, eng.Step(ctx, pair, []int32{1}, none), "has 1 tokens")
	require.ErrorIs(t, eng.Step(ctx, []*kvasir.Session{a, a}, []int32{1, 2}, none), kvasir.ErrBusy)
	require.ErrorContains(t, eng.Step(ctx, pair, []int32{1, 1 << 20}, none), "the vocabulary has")
	require.ErrorContains(t, stepEngine(t, 2).Step(ctx, pair, []int32{1, 2}, none), "session 0 belongs to another engine")
	require.NoError(t, b.Prefill(ctx, kvasir.Prompt{Tokens: make([]int32, 32)}))
	require.ErrorIs(t, eng.Step(ctx, pair, []int32{1, 2}, none), kvasir.ErrContextFull)
	require.Zero(t, a.Len(), "all sessions or none")
	require.NoError(t, b.Close())
	require.ErrorIs(t, eng.Step(ctx, pair, []int32{1, 2}, none), kvasir.ErrClosed)
	require.NoError(t, eng.Step(ctx, pair[:1], []int32{1}, none), "the failed calls let go of the session")
}
