package sampler

import (
	"fmt"
	"math"
)

// TokenLogprob is a token with the natural logarithm of its probability.
type TokenLogprob struct {
	ID      int32
	Logprob float64
}

// Logprobs scores tokens by the model's own distribution: the log-softmax of a raw
// logit row over the whole vocabulary, before any stage of a chain. One value serves
// one goroutine and reuses its memory.
type Logprobs struct {
	cand Cand
	norm float64 // log Σ exp(l)
	top  []TokenLogprob
}

// Load takes the logits of a position (only read, and until the next Load).
func (l *Logprobs) Load(logits []float32) error {
	if err := l.cand.load(logits); err != nil {
		return err
	}
	m := l.cand.top()
	l.norm = float64(m) + math.Log(sumExp(logits, m))
	return nil
}

// Of returns the log-probability of tok, -Inf when it is masked.
func (l *Logprobs) Of(tok int32) (float64, error) {
	if tok < 0 || int(tok) >= len(l.cand.Logits) {
		return 0, fmt.Errorf("token %d of %d: %w", tok, len(l.cand.Logits), ErrToken)
	}
	return l.logprob(l.cand.Logits[tok]), nil
}

// Rank returns how many tokens come before tok (larger logit, or the same and a lower
// id): 0 for the argmax. tok must be in the vocabulary, as checked by Of.
func (l *Logprobs) Rank(tok int32) int {
	rank, own := 0, l.cand.Logits[tok]
	for i, x := range l.cand.Logits {
		if x > own || x == own && int32(i) < tok {
			rank++
		}
	}
	return rank
}

// Top returns the n most likely tokens in order, ties by id, fewer when fewer are
// unmasked. The slice is valid until the next call.
func (l *Logprobs) Top(n int) []TokenLogprob {
	l.top = l.top[:0]
	if n <= 0 {
		return l.top
	}
	leaders := l.cand.leaders(n)
	ids := l.cand.mem.ids[1-l.cand.mem.current]
	for i, x := range leaders {
		l.top = append(l.top, TokenLogprob{ID: ids[i], Logprob: l.logprob(x)})
	}
	return l.top
}

// logprob is the log-softmax of one logit, never above 0.
func (l *Logprobs) logprob(x float32) float64 { return min(0, float64(x)-l.norm) }
