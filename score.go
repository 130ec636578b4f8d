package kvasir

import (
	"context"
	"sync"

	"kvasir/sampler"
)

// PromptScore is a token of a text with its log-probability after the tokens
// before it, and the most likely tokens at its place.
type PromptScore struct {
	ID      int32
	Logprob float64
	Top     []TokenScore
}

// promptScores gathers the scores of a prompt's tokens; rows may come from
// several workers at a time.
type promptScores struct {
	top  int
	list []PromptScore
	err  error
	free struct {
		sync.Mutex
		list []*sampler.Logprobs
	}
}

func newPromptScores(top int, prompt []int32) *promptScores {
	p := &promptScores{top: top, list: make([]PromptScore, len(prompt))}
	if len(prompt) > 0 {
		p.list[0].ID = prompt[0]
	}
	return p
}

// add scores the token after position pos.
func (p *promptScores) add(prompt []int32, pos int, logits []float32) error {
	if pos+1 >= len(prompt) {
		return nil
	}
	l := p.borrow()
	defer p.giveBack(l)
	if err := l.Load(logits); err != nil {
		return err
	}
	s := PromptScore{ID: prompt[pos+1]}
	var err error
	if s.Logprob, err = l.Of(s.ID); err != nil {
		return err
	}
	for _, t := range l.Top(p.top) {
		s.Top = append(s.Top, TokenScore{ID: t.ID, Logprob: t.Logprob})
	}
	p.list[pos+1] = s
	return nil
}

// fail notes the first error.
func (p *promptScores) fail(err error) {
	p.free.Lock()
	defer p.free.Unlock()
	if p.err == nil {
		p.err = err
	}
}

func (p *promptScores) borrow() *sampler.Logprobs {
	p.free.Lock()
	defer p.free.Unlock()
	if n := len(p.free.list); n > 0 {
		l := p.free.list[n-1]
		p.free.list = p.free.list[:n-1]
		return l
	}
	return &sampler.Logprobs{}
}

func (p *promptScores) giveBack(l *sampler.Logprobs) {
	p.free.Lock()
	p.free.list = append(p.free.list, l)
	p.free.Unlock()
}

// Score returns the log-probability of each token after those before it, with
// the top most likely tokens at its place. The first entry has no score.
func (e *Engine) Score(ctx context.Context, tokens []int32, top int) ([]PromptScore, error) {
	r := Request{Prompt: Prompt{Tokens: tokens}, Score: true, ScoreOnly: true}
	r.TopLogprobs = top
	j, err := e.Submit(ctx, r)
	if err != nil {
		return nil, err
	}
	defer j.Close()
	if err := j.Wait(ctx); err != nil {
		return nil, err
	}
	return j.Scores(), nil
}
