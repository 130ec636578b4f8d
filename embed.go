package kvasir

import (
	"context"
	"errors"
	"fmt"
	"math"

	"kvasir/kvcache"
	"kvasir/model"
)

// Pooling says how the rows of a text become one vector.
type Pooling string

// Poolings.
const (
	PoolLast Pooling = "last" // the last token's row
	PoolMean Pooling = "mean" // the mean of all rows
	PoolCLS  Pooling = "cls"  // the first token's row
)

// EmbedOptions configure Embed.
type EmbedOptions struct {
	Pooling Pooling // "" = last
	// Raw leaves the vectors at their length; else they have length 1.
	Raw bool
}

// busyRows is how many rows of a text are embedded in one pass while the
// scheduler has other work, so that nobody's stream waits for long.
const busyRows = 32

// Embed returns a vector of Info.EmbedDim values for each text: the pooled rows
// of the last layer after its norm. Vectors of a model that was trained to
// generate say less than those of an embedding model.
func (e *Engine) Embed(ctx context.Context, texts []Prompt, o EmbedOptions) (vectors [][]float32, tokens int, err error) {
	switch o.Pooling {
	case "":
		o.Pooling = PoolLast
	case PoolLast, PoolMean, PoolCLS:
	default:
		return nil, 0, fmt.Errorf("pooling %q: must be last, mean or cls", o.Pooling)
	}
	for i, t := range texts {
		v, n, err := e.embed(ctx, t, o)
		if err != nil {
			return nil, 0, fmt.Errorf("text %d: %w", i, err)
		}
		vectors = append(vectors, v)
		tokens += n
	}
	return vectors, tokens, nil
}

func (e *Engine) embed(ctx context.Context, text Prompt, o EmbedOptions) ([]float32, int, error) {
	s, err := e.NewSession()
	if err != nil {
		return nil, 0, err
	}
	defer s.Close()
	if err := s.append(text, 0); err != nil {
		return nil, 0, err
	}
	n := len(s.tokens)
	if n == 0 {
		return nil, 0, errors.New("the text has no tokens")
	}
	sum := make([]float64, e.model.Config().EmbedDim)
	add := func(_ int, x []float32) error {
		for i, v := range x {
			sum[i] += float64(v)
		}
		return nil
	}
	for from := 0; from < n; {
		k := min(len(s.want), n-from)
		if e.SchedulerStats().Running > 0 {
			k = min(k, busyRows)
		}
		b := model.Batch{Rows: []kvcache.Rows{{Seq: s.seq, N: k}}, Tokens: s.tokens[from : from+k], Want: s.want[:k], Hidden: add}
		for i := range k {
			b.Want[i] = o.Pooling == PoolMean || o.Pooling == PoolLast && from+i == n-1 || o.Pooling == PoolCLS && from+i == 0
		}
		if err := e.forward(ctx, &b, nil); err != nil {
			return nil, 0, err
		}
		from += k
	}
	rows := 1
	if o.Pooling == PoolMean {
		rows = n
	}
	return pooled(sum, rows, o.Raw), n, nil
}

// pooled scales a sum of rows.
func pooled(sum []float64, rows int, raw bool) []float32 {
	scale := 1 / float64(rows)
	if !raw {
		norm := 0.0
		for _, v := range sum {
			norm += v * v
		}
		scale = 0
		if norm > 0 {
			scale = 1 / math.Sqrt(norm)
		}
	}
	v := make([]float32, len(sum))
	for i, x := range sum {
		v[i] = float32(x * scale)
	}
	return v
}
