package eval

import (
	"context"
	"fmt"
	"math"

	"kvasir"
)

// PerplexityOptions configure a run.
type PerplexityOptions struct {
	Window int // tokens in a chunk; 0 = 512
	Chunks int // how many chunks; 0 = all
	// BOS overwrites the first token of every chunk; -1 = none.
	BOS int32
	// Progress, when set, is called after each chunk with the value so far.
	Progress func(chunk, chunks int, value float64)
}

// PerplexityResult is what a run found. Tags are the JSON names.
type PerplexityResult struct {
	PPL         float64   `json:"ppl"`
	StdErr      float64   `json:"ppl_se_naive"` // tokens taken for independent
	MeanNLL     float64   `json:"mean_nll"`
	Window      int       `json:"window"`
	Chunks      int       `json:"chunks"`
	TokensTotal int       `json:"tokens_total"`
	Scored      int       `json:"tokens_scored"`
	ChunkPPL    []float64 `json:"chunk_ppl"` // running value after each chunk
}

// Perplexity scores tokens as llama-perplexity does: the text is cut into
// chunks of Window tokens, each evaluated on an empty cache, and the second
// half of each is scored. A beginning-of-text token replaces the first input
// of a chunk, never a target.
func Perplexity(ctx context.Context, eng *kvasir.Engine, tokens []int32, o PerplexityOptions) (*PerplexityResult, error) {
	if o.Window == 0 {
		o.Window = 512
	}
	if o.Window < 4 {
		return nil, fmt.Errorf("ctx %d: must be at least 4", o.Window)
	}
	if max := eng.Info().Context; o.Window > max {
		return nil, fmt.Errorf("ctx %d: the model was opened with %d", o.Window, max)
	}
	if len(tokens) < 2*o.Window {
		return nil, fmt.Errorf("the text has %d tokens: a window of %d needs at least %d", len(tokens), o.Window, 2*o.Window)
	}
	chunks := len(tokens) / o.Window
	if o.Chunks > 0 {
		chunks = min(chunks, o.Chunks)
	}
	s, err := eng.NewSession()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	r := &PerplexityResult{Window: o.Window, Chunks: chunks, TokensTotal: len(tokens)}
	var sum, sum2 float64
	for c := range chunks {
		err := chunkNLL(ctx, s, tokens[c*o.Window:(c+1)*o.Window], o.BOS, func(nll float64) {
			sum += nll
			sum2 += nll * nll
			r.Scored++
		})
		if err != nil {
			return nil, fmt.Errorf("chunk %d: %w", c+1, err)
		}
		r.ChunkPPL = append(r.ChunkPPL, math.Exp(sum/float64(r.Scored)))
		if o.Progress != nil {
			o.Progress(c+1, chunks, r.ChunkPPL[c])
		}
	}
	n := float64(r.Scored)
	r.MeanNLL = sum / n
	r.PPL = math.Exp(r.MeanNLL)
	if r.Scored > 1 {
		r.StdErr = r.PPL * math.Sqrt(max(0, sum2/n-r.MeanNLL*r.MeanNLL)/(n-1))
	}
	return r, nil
}

// chunkNLL evaluates one chunk and reports the loss of each target in its
// second half.
func chunkNLL(ctx context.Context, s *kvasir.Session, target []int32, bos int32, add func(nll float64)) error {
	if err := s.Reset(); err != nil {
		return err
	}
	n, first := len(target), len(target)/2
	input := append([]int32(nil), target...)
	if bos >= 0 {
		input[0] = bos
	}
	if err := s.Prefill(ctx, kvasir.Prompt{Tokens: input[:first]}); err != nil {
		return err
	}
	return s.Logits(ctx, input[first:n-1], func(pos int, logits []float32) error {
		nll := logSumExp(logits) - float64(logits[target[pos+1]])
		if math.IsNaN(nll) || math.IsInf(nll, 0) {
			return fmt.Errorf("position %d: %w", pos, kvasir.ErrBadLogits)
		}
		add(nll)
		return nil
	})
}
