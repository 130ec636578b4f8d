package eval

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"

	"kvasir"
)

// Record holds the logits of a text in a form that can be compared with
// another engine's: for each position the loss of the next token and the most
// likely tokens, then a greedy continuation with the margin between the best
// two logits at each step.
type Record struct {
	Tokens    []int32
	Positions []Position
	MeanNLL   float64
	Greedy    []Step
	Text      string
}

// Position is one position of a record. NLL is NaN at the last one, whose next
// token is unknown.
type Position struct {
	NLL float64
	Top []kvasir.TokenScore
}

// Step is one token of the greedy continuation.
type Step struct {
	ID     int32
	Margin float64
}

// NewRecord evaluates tokens in an empty session, keeping top tokens a
// position, and continues greedily for steps tokens.
func NewRecord(ctx context.Context, eng *kvasir.Engine, tokens []int32, top, steps int) (*Record, error) {
	if len(tokens) == 0 {
		return nil, fmt.Errorf("no tokens to evaluate")
	}
	s, err := eng.NewSession()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	r := &Record{Tokens: tokens}
	var sum float64
	err = s.Logits(ctx, tokens, func(pos int, logits []float32) error {
		lse := logSumExp(logits)
		p := Position{NLL: math.NaN(), Top: topK(logits, lse, top)}
		if pos+1 < len(tokens) {
			p.NLL = lse - float64(logits[tokens[pos+1]])
			sum += p.NLL
		}
		if math.IsNaN(lse) {
			return fmt.Errorf("position %d: %w", pos, kvasir.ErrBadLogits)
		}
		r.Positions = append(r.Positions, p)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(tokens) > 1 {
		r.MeanNLL = sum / float64(len(tokens)-1)
	}
	if steps > 0 {
		err = r.greedy(ctx, eng, s, steps)
	}
	return r, err
}

func (r *Record) greedy(ctx context.Context, eng *kvasir.Engine, s *kvasir.Session, steps int) error {
	margin := 0.0
	o := kvasir.GenerateOptions{MaxTokens: steps, Sampling: kvasir.Greedy(), Logits: func(_ int, logits []float32) {
		best := topK(logits, 0, 2)
		margin = best[0].Logprob - best[1].Logprob
	}}
	var text strings.Builder
	for tok, err := range s.Generate(ctx, kvasir.Prompt{}, o) {
		if err != nil {
			return err
		}
		r.Greedy = append(r.Greedy, Step{ID: tok.ID, Margin: margin})
		if !eng.Tokenizer().IsEnd(tok.ID) {
			text.WriteString(eng.Tokenizer().Piece(tok.ID))
		}
	}
	r.Text = text.String()
	return nil
}

// topK returns the n largest logits less lse, in order, ties to the lower id.
func topK(logits []float32, lse float64, n int) []kvasir.TokenScore {
	n = min(n, len(logits))
	top := make([]kvasir.TokenScore, 0, n+1)
	for id, v := range logits {
		lp := float64(v) - lse
		if len(top) == n && (n == 0 || lp <= top[n-1].Logprob) {
			continue
		}
		i := len(top)
		top = append(top, kvasir.TokenScore{})
		for i > 0 && top[i-1].Logprob < lp {
			top[i] = top[i-1]
			i--
		}
		top[i] = kvasir.TokenScore{ID: int32(id), Logprob: lp}
		top = top[:min(len(top), n)]
	}
	return top
}

// WriteJSON writes the record: {"tokens":[…],"positions":[{"nll":…,"top":[[id,
// logprob],…]},…],"mean_nll":…,"greedy":[[id,margin],…],"text":…}.
func (r *Record) WriteJSON(w io.Writer) error {
	b := &strings.Builder{}
	ids, err := json.Marshal(r.Tokens)
	if err != nil {
		return err
	}
	fmt.Fprintf(b, "{\"tokens\":%s,\n\"positions\":[", ids)
	for i, p := range r.Positions {
		if i > 0 {
			b.WriteString(",\n")
		}
		b.WriteByte('{')
		if !math.IsNaN(p.NLL) {
			fmt.Fprintf(b, "\"nll\":%.6f,", p.NLL)
		}
		b.WriteString("\"top\":[")
		for j, t := range p.Top {
			if j > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(b, "[%d,%.5f]", t.ID, t.Logprob)
		}
		b.WriteString("]}")
	}
	fmt.Fprintf(b, "],\n\"mean_nll\":%.6f,\n\"greedy\":[", r.MeanNLL)
	for i, g := range r.Greedy {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(b, "[%d,%.5f]", g.ID, g.Margin)
	}
	text, err := json.Marshal(r.Text)
	if err != nil {
		return err
	}
	fmt.Fprintf(b, "],\n\"text\":%s}\n", text)
	_, err = io.WriteString(w, b.String())
	return err
}
