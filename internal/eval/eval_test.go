package eval_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir"
	"kvasir/internal/eval"
	"kvasir/internal/gguf"
	"kvasir/internal/tinymodel"
)

// openTiny opens a small model for the duration of the test.
func openTiny(t *testing.T, spec tinymodel.Spec, o kvasir.Options) *kvasir.Engine {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tiny.gguf")
	require.NoError(t, tinymodel.Write(path, spec))
	eng, err := kvasir.Open(path, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	return eng
}

// allLogits evaluates tokens in one session of its own.
func allLogits(t *testing.T, eng *kvasir.Engine, tokens []int32) [][]float32 {
	t.Helper()
	s, err := eng.NewSession()
	require.NoError(t, err)
	defer s.Close()
	var out [][]float32
	require.NoError(t, s.Logits(context.Background(), tokens, func(_ int, x []float32) error {
		out = append(out, append([]float32(nil), x...))
		return nil
	}))
	return out
}

func TestRecord(t *testing.T) {
	eng := openTiny(t, tinymodel.Spec{Arch: "qwen2", Text: true}, kvasir.Options{Batch: 16})
	ids := tinymodel.IDs(40, eng.Info().Vocabulary)
	r, err := eval.NewRecord(context.Background(), eng, ids, 5, 7)
	require.NoError(t, err)
	require.Equal(t, ids, r.Tokens)
	require.Len(t, r.Positions, 40)
	sum := 0.0
	for i, x := range allLogits(t, eng, ids) {
		p := r.Positions[i]
		require.Len(t, p.Top, 5)
		require.EqualValues(t, argmax(x), p.Top[0].ID)
		for j, top := range p.Top {
			require.InDelta(t, float64(x[top.ID])-logSum(x), top.Logprob, 1e-9)
			require.True(t, j == 0 || top.Logprob <= p.Top[j-1].Logprob)
		}
		if i == 39 {
			require.True(t, math.IsNaN(p.NLL), "nothing follows the last token")
			continue
		}
		require.InDelta(t, logSum(x)-float64(x[ids[i+1]]), p.NLL, 1e-9)
		sum += p.NLL
	}
	require.InDelta(t, sum/39, r.MeanNLL, 1e-9)

	// The greedy continuation is what evaluating it again says.
	require.Len(t, r.Greedy, 7)
	all := ids
	text := ""
	for _, g := range r.Greedy {
		all = append(all[:len(all):len(all)], g.ID)
		text += eng.Tokenizer().Piece(g.ID)
	}
	require.Equal(t, text, r.Text)
	again, err := eval.NewRecord(context.Background(), eng, all, 2, 0)
	require.NoError(t, err)
	for i, g := range r.Greedy {
		top := again.Positions[39+i].Top
		require.Equal(t, g.ID, top[0].ID)
		require.InDelta(t, top[0].Logprob-top[1].Logprob, g.Margin, 1e-9)
	}
	require.Empty(t, again.Greedy)
}

func TestRecordJSON(t *testing.T) {
	eng := openTiny(t, tinymodel.Spec{Arch: "qwen2", Text: true}, kvasir.Options{})
	r, err := eval.NewRecord(context.Background(), eng, []int32{3, 1, 2}, 2, 3)
	require.NoError(t, err)
	r.Text = "quote \" and \xff and \n"
	var b bytes.Buffer
	require.NoError(t, r.WriteJSON(&b))
	var back struct {
		Tokens    []int32 `json:"tokens"`
		Positions []struct {
			NLL *float64     `json:"nll"`
			Top [][2]float64 `json:"top"`
		} `json:"positions"`
		MeanNLL float64      `json:"mean_nll"`
		Greedy  [][2]float64 `json:"greedy"`
		Text    string       `json:"text"`
	}
	d := json.NewDecoder(&b)
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&back))
	require.Equal(t, r.Tokens, back.Tokens)
	require.Len(t, back.Positions, 3)
	require.Nil(t, back.Positions[2].NLL)
	require.InDelta(t, r.Positions[0].NLL, *back.Positions[0].NLL, 1e-6)
	require.InDelta(t, r.Positions[1].Top[1].Logprob, back.Positions[1].Top[1][1], 1e-5)
	require.InDelta(t, r.MeanNLL, back.MeanNLL, 1e-6)
	require.Len(t, back.Greedy, 3)
	require.EqualValues(t, r.Greedy[2].ID, back.Greedy[2][0])
	require.Equal(t, "quote \" and \ufffd and \n", back.Text)
	require.Error(t, r.WriteJSON(brokenWriter{}))
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("broken") }

func TestRecordErrors(t *testing.T) {
	eng := openTiny(t, tinymodel.Spec{Arch: "llama"}, kvasir.Options{Context: 8})
	ctx := context.Background()
	_, err := eval.NewRecord(ctx, eng, nil, 2, 0)
	require.ErrorContains(t, err, "no tokens")
	_, err = eval.NewRecord(ctx, eng, make([]int32, 9), 2, 0)
	require.ErrorIs(t, err, kvasir.ErrContextFull)
	_, err = eval.NewRecord(ctx, eng, []int32{131}, 2, 0)
	require.ErrorContains(t, err, "token 131")
	r, err := eval.NewRecord(ctx, eng, []int32{1}, 1000, 100)
	require.NoError(t, err)
	require.Zero(t, r.MeanNLL)
	require.Len(t, r.Positions[0].Top, 131, "no more than there are")
	require.Len(t, r.Greedy, 7, "no more than fit")
	gone, cancel := context.WithCancel(ctx)
	cancel()
	_, err = eval.NewRecord(gone, eng, []int32{1}, 2, 0)
	require.ErrorIs(t, err, context.Canceled)
}

// A model whose logits are no numbers is reported, not averaged.
func TestBadLogits(t *testing.T) {
	m, err := tinymodel.New(tinymodel.Spec{Arch: "llama"})
	require.NoError(t, err)
	m.Tensor("output_norm.weight").Fill(float32(math.NaN()))
	path := filepath.Join(t.TempDir(), "nan.gguf")
	require.NoError(t, m.Write(path))
	eng, err := kvasir.Open(path, kvasir.Options{})
	require.NoError(t, err)
	defer eng.Close()
	_, err = eval.NewRecord(context.Background(), eng, []int32{1, 2}, 2, 0)
	require.ErrorIs(t, err, kvasir.ErrBadLogits)
	_, err = eval.Perplexity(context.Background(), eng, make([]int32, 64), eval.PerplexityOptions{Window: 16, BOS: -1})
	require.ErrorIs(t, err, kvasir.ErrBadLogits)
	require.ErrorContains(t, err, "chunk 1")
}

func TestPerplexity(t *testing.T) {
	eng := openTiny(t, tinymodel.Spec{Arch: "llama"}, kvasir.Options{Batch: 7})
	tokens := tinymodel.IDs(75, 131)
	for name, o := range map[string]eval.PerplexityOptions{
		"plain":      {Window: 16, BOS: -1},
		"with bos":   {Window: 16, BOS: 5},
		"two chunks": {Window: 16, Chunks: 2, BOS: -1},
		"odd":        {Window: 15, BOS: 7},
	} {
		t.Run(name, func(t *testing.T) {
			// By its definition: chunks on an empty cache, of which the second half is scored.
			chunks := len(tokens) / o.Window
			if o.Chunks > 0 {
				chunks = o.Chunks
			}
			sum, n := 0.0, 0
			var running []float64
			for c := range chunks {
				text := tokens[c*o.Window : (c+1)*o.Window]
				input := append([]int32(nil), text...)
				if o.BOS >= 0 {
					input[0] = o.BOS
				}
				logits := allLogits(t, eng, input)
				for i := o.Window / 2; i < o.Window-1; i++ {
					sum += logSum(logits[i]) - float64(logits[i][text[i+1]])
					n++
				}
				running = append(running, math.Exp(sum/float64(n)))
			}
			calls := 0
			o.Progress = func(c, of int, v float64) {
				calls++
				require.Equal(t, calls, c)
				require.Equal(t, chunks, of)
				require.InDelta(t, running[c-1], v, 1e-9*v)
			}
			r, err := eval.Perplexity(context.Background(), eng, tokens, o)
			require.NoError(t, err)
			require.Equal(t, chunks, calls)
			require.Equal(t, n, r.Scored)
			require.Equal(t, 75, r.TokensTotal)
			require.InDelta(t, running[chunks-1], r.PPL, 1e-9*r.PPL)
			require.InDelta(t, math.Log(r.PPL), r.MeanNLL, 1e-12)
			require.Len(t, r.ChunkPPL, chunks)
			require.Positive(t, r.StdErr)
			require.Less(t, r.StdErr, r.PPL)
		})
	}
}

func TestPerplexityErrors(t *testing.T) {
	eng := openTiny(t, tinymodel.Spec{Arch: "llama", Keys: []gguf.KV{{Key: "context_length", Value: gguf.Scalar(uint32(64))}}}, kvasir.Options{})
	ctx := context.Background()
	run := func(n int, o eval.PerplexityOptions) (*eval.PerplexityResult, error) {
		o.BOS = -1
		return eval.Perplexity(ctx, eng, make([]int32, n), o)
	}
	_, err := run(31, eval.PerplexityOptions{Window: 16})
	require.ErrorContains(t, err, "31 tokens")
	_, err = run(31, eval.PerplexityOptions{Window: 3})
	require.ErrorContains(t, err, "at least 4")
	_, err = run(5000, eval.PerplexityOptions{})
	require.ErrorContains(t, err, "opened with 64")
	r, err := run(8, eval.PerplexityOptions{Window: 4, Chunks: 1})
	require.NoError(t, err)
	require.Equal(t, 1, r.Scored)
	require.Zero(t, r.StdErr, "one token has no spread")
	_, err = json.Marshal(r)
	require.NoError(t, err)
	gone, cancel := context.WithCancel(ctx)
	cancel()
	_, err = eval.Perplexity(gone, eng, make([]int32, 64), eval.PerplexityOptions{Window: 16, BOS: -1})
	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, eng.Stats().Sessions, "sessions are closed on errors too")
}
