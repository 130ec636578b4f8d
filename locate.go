package kvasir

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"

	"kvasir/internal/chunk"
	"kvasir/sampler"
)

// LocateOptions configure Locate. The zero value works.
type LocateOptions struct {
	Keep   int // sentences to find, and prefixes that are followed at a time; 0 = 3
	Tokens int // most tokens of a passage; 0 = 256
}

// Evidence is a passage of a document that answers a prompt.
type Evidence struct {
	Passage
	Score float64 // mean log-probability of the tokens that single out its first sentence
}

// Locate finds the passages of a document that the model would answer a prompt with,
// without chunks: CFIC (Qian et al., "Grounding Language Model with Chunking-Free
// In-Context Retrieval", 2024). The prompt holds the document and the question.
//
// The sentences of the document form a tree of tokens. Prefixes are followed from its
// root, the Keep best ones by mean log-probability at a time, until one sentence is
// left of each. From there the document itself is fed in one pass, and the passage ends
// at the sentence end where the model is likeliest to end its answer (skip decoding).
// Passages that overlap are merged. The paper samples prefixes and fine-tunes the
// model; here the tree is searched, and any model will do, less well.
func (e *Engine) Locate(ctx context.Context, p Prompt, document string, o LocateOptions) ([]Evidence, error) {
	if o.Keep < 0 || o.Tokens < 0 {
		return nil, errors.New("locate: keep and tokens must not be negative")
	}
	l := &locator{e: e, text: document, keep: cmp.Or(o.Keep, 3), most: cmp.Or(o.Tokens, 256)}
	if err := l.cut(); err != nil {
		return nil, err
	}
	s, err := e.NewSession()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if err := s.Prefill(ctx, p); err != nil {
		return nil, err
	}
	found, err := l.search(ctx, s)
	if err != nil {
		return nil, err
	}
	for i := range found {
		if err := l.skip(ctx, s, &found[i]); err != nil {
			return nil, err
		}
	}
	return l.merge(found), nil
}

// locator searches one document.
type locator struct {
	e     *Engine
	text  string
	keep  int
	most  int
	parts []string  // sentences
	toks  [][]int32 // of each sentence
}

func (l *locator) cut() error {
	l.parts = chunk.Sentences(l.text)
	for _, s := range l.parts {
		t, err := l.e.encode(Prompt{Text: s, NoSpecial: true}, false)
		if err != nil {
			return err
		}
		l.toks = append(l.toks, t)
	}
	if len(l.parts) == 0 {
		return errors.New("locate: the document is empty")
	}
	return nil
}

// prefix is a path from the root of the tree of sentences.
type prefix struct {
	toks []int32
	of   []int // sentences that begin with it, in document order
	sum  float64
	end  bool // one sentence is left, or all that are left are equal
}

func (p *prefix) score() float64 { return p.sum / float64(max(1, len(p.toks))) }

// search returns the best prefixes that single out a sentence.
func (l *locator) search(ctx context.Context, s *Session) ([]prefix, error) {
	root := prefix{}
	for i, t := range l.toks {
		if len(t) > 0 {
			root.of = append(root.of, i)
		}
	}
	live := []prefix{root}
	for {
		var next []prefix
		grown := false
		for _, p := range live {
			if p.end {
				next = append(next, p)
				continue
			}
			grown = true
			children, err := l.children(ctx, s, p)
			if err != nil {
				return nil, err
			}
			next = append(next, children...)
		}
		if !grown {
			return live, nil
		}
		slices.SortStableFunc(next, func(a, b prefix) int { return cmp.Compare(b.score(), a.score()) })
		live = next[:min(l.keep, len(next))]
	}
}

// children extends a prefix by each token that a sentence has next.
func (l *locator) children(ctx context.Context, s *Session, p prefix) (out []prefix, err error) {
	at := s.Len()
	var lp sampler.Logprobs
	err = s.NextLogits(ctx, p.toks, func(x []float32) error {
		if err := lp.Load(x); err != nil {
			return err
		}
		n := len(p.toks)
		index := map[int32]int{}
		for _, i := range p.of {
			t := l.toks[i]
			if len(t) == n { // it is the beginning of others
				out = append(out, prefix{toks: p.toks, of: []int{i}, sum: p.sum, end: true})
				continue
			}
			k, ok := index[t[n]]
			if !ok {
				x, err := lp.Of(t[n])
				if err != nil {
					return err
				}
				k = len(out)
				index[t[n]] = k
				out = append(out, prefix{toks: append(slices.Clone(p.toks), t[n]), sum: p.sum + x})
			}
			out[k].of = append(out[k].of, i)
		}
		return nil
	})
	for i := range out {
		out[i].end = out[i].end || len(out[i].of) == 1
	}
	return out, errors.Join(err, s.Truncate(at))
}

// skip sets p.of to the first and last sentence of the passage that p begins.
func (l *locator) skip(ctx context.Context, s *Session, p *prefix) error {
	first, last := p.of[0], p.of[0]
	var toks []int32
	ends := map[int]int{} // position behind the first token fed -> sentence that ends there
	room := min(l.most, l.e.opts.Context-s.Len())
	for i := first; i < len(l.toks) && len(toks)+len(l.toks[i]) <= room; i++ {
		toks = append(toks, l.toks[i]...)
		ends[len(toks)-1] = i
	}
	if len(toks) == 0 { // the sentence is longer than a passage may be
		p.of = []int{first, last}
		return nil
	}
	at, best := s.Len(), math.Inf(-1)
	var lp sampler.Logprobs
	err := s.Logits(ctx, toks, func(pos int, x []float32) error {
		i, ok := ends[pos-at]
		if !ok {
			return nil
		}
		if err := lp.Load(x); err != nil {
			return err
		}
		for _, id := range l.e.tok.EOG() {
			q, err := lp.Of(id)
			if err != nil {
				return err
			}
			if q > best {
				best, last = q, i
			}
		}
		return nil
	})
	p.of = []int{first, last}
	return errors.Join(err, s.Truncate(at))
}

// merge joins passages that overlap; each keeps its best score, best first.
func (l *locator) merge(found []prefix) []Evidence {
	start := make([]int, len(l.parts)+1)
	for i, s := range l.parts {
		start[i+1] = start[i] + len(s)
	}
	slices.SortStableFunc(found, func(a, b prefix) int { return a.of[0] - b.of[0] })
	var out []Evidence
	for _, p := range found {
		v := Evidence{Passage{From: start[p.of[0]], To: start[p.of[1]+1]}, p.score()}
		if n := len(out); n > 0 && v.From < out[n-1].To {
			out[n-1].To, out[n-1].Score = max(out[n-1].To, v.To), max(out[n-1].Score, v.Score)
			continue
		}
		out = append(out, v)
	}
	for i := range out {
		out[i].Text = l.text[out[i].From:out[i].To]
	}
	slices.SortStableFunc(out, func(a, b Evidence) int { return cmp.Compare(b.Score, a.Score) })
	return out
}
