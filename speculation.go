package kvasir

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"kvasir/attention"
	"kvasir/internal/speculate"
	"kvasir/kvcache"
	"kvasir/model"
)

// SpeculationOptions say how tokens are drafted and verified.
type SpeculationOptions struct {
	// Draft is where drafts come from: "lookup" (what followed the last tokens
	// earlier in the text; lookup:n=3 says how many must match, else one), "self:skip=8-19"
	// (the same model without these layers; ranges and numbers joined by +),
	// "self:attention=NAME" (the same model with another attention),
	// "self:kv=NAME" (with a cache of its own under a policy), or the path of a
	// smaller model with the same vocabulary.
	Draft string `json:"draft" flag:"draft" usage:"draft tokens and verify several in one pass: lookup, self:skip=LAYERS, self:attention=NAME, self:kv=NAME, or a smaller model of the same vocabulary"`
	// Verify is how drafts are judged. "match" (also "") draws every token as
	// without speculation and keeps drafts that are equal to it: the text is the
	// same. "ratio" accepts with probability p/q: the same distribution but
	// another text, and more of a sampled draft is accepted. "kseq:k=4" tries k
	// independent drafts, "wor:k=4" k different ones.
	Verify string `json:"verify" flag:"verify" usage:"how drafts are judged: match (the text is as without drafts), ratio, kseq:k=4 or wor:k=4 (the distribution is)"`
	// Most is the longest draft; 0 = 16.
	Most int `json:"draft_max" flag:"draft-max" usage:"longest draft in tokens; 0 = 16. How much of it is used depends on what pays"`
	// Always drafts Most tokens whether that pays or not; to measure with.
	Always bool `json:"draft_always" flag:"draft-always" usage:"always draft draft-max tokens, whether that pays or not"`
}

const (
	defaultDraft = 16
	maxDraft     = 48 // sliding-window layers can take back as many
)

// Model returns the path of the draft model, "" when the draft is none.
func (o SpeculationOptions) Model() string {
	if d, err := speculate.ParseDraft(o.Draft); err == nil {
		return d.Path
	}
	return ""
}

// Validate reports the first setting out of range.
func (o SpeculationOptions) Validate() error {
	if _, err := speculate.ParseDraft(o.Draft); err != nil {
		return err
	}
	if _, err := speculate.ParseVerify(o.Verify); err != nil {
		return err
	}
	if o.Most < 0 || o.Most > maxDraft {
		return fmt.Errorf("draft-max %d: must be 0 to %d", o.Most, maxDraft)
	}
	return nil
}

// Speculation drafts tokens for generations of one engine; see
// GenerateOptions.Speculation. What it learns, such as how often drafts are
// accepted and how long passes take, serves later generations, except where that
// would change the text: other modes than match choose the length of drafts by the
// text alone, so that a seed gives the same text again. It is safe for concurrent
// use.
type Speculation struct {
	eng    *Engine
	o      SpeculationOptions
	draft  speculate.Draft
	verify speculate.Verify
	model  *Engine      // of a draft model
	state  *model.State // of a self-draft, guarded by eng.mu
	skip   []bool

	mu    sync.Mutex
	ctrl  *speculate.Controller // of match mode
	stats SpeculationStats
}

// SpeculationStats count what speculation did.
type SpeculationStats struct {
	Tokens   int // generated
	Passes   int // of the target over generated tokens
	Rounds   int // of these, those with a draft
	Drafted  int // tokens drafted (the nodes of all trees)
	Accepted int // of these, those that became text
	Declined int // passes for which a draft was at hand that would not pay
	// PassRows[n] is the number of passes of n rows.
	PassRows []int
	// PassCost[n] is the time of a pass of n rows as a multiple of one row, 0 where
	// it was not measured. DraftCost is that of a pass of the draft.
	PassCost  []float64
	DraftCost float64
}

// NewSpeculation prepares speculation. A draft model is opened with the engine's
// context, threads and cache type; ErrVocabulary says that its tokens are others.
func (e *Engine) NewSpeculation(o SpeculationOptions) (*Speculation, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if o.Most == 0 {
		o.Most = defaultDraft
	}
	o.Most = min(o.Most, e.opts.Batch-1)
	p := &Speculation{eng: e, o: o}
	p.draft, _ = speculate.ParseDraft(o.Draft)
	p.verify, _ = speculate.ParseVerify(o.Verify)
	p.ctrl = p.controller(speculate.Timed)
	var err error
	switch p.draft.Source {
	case speculate.FromModel:
		err = p.openModel()
	case speculate.FromSelf:
		err = p.prepareSelf()
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// openModel opens the draft model.
func (p *Speculation) openModel() (err error) {
	o := p.eng.opts
	p.model, err = Open(p.draft.Path, Options{
		Context: o.Context, Threads: o.Threads, Batch: o.Batch, KVType: o.KVType, Precision: o.Precision, NoMmap: o.NoMmap, Logger: o.Logger,
	})
	if err != nil {
		return fmt.Errorf("draft model: %w", err)
	}
	if err := sameVocabulary(p.eng, p.model); err != nil {
		return errors.Join(fmt.Errorf("draft model %s: %w", p.draft.Path, err), p.model.Close())
	}
	return nil
}

// spare is how many tokens one vocabulary may have more than the other: models of
// one family are padded to different sizes.
const spare = 128

// sameVocabulary checks that the tokens that two models share are the same.
func sameVocabulary(a, b *Engine) error {
	n, m := a.model.Config().VocabSize, b.model.Config().VocabSize
	if max(n, m)-min(n, m) > spare {
		return fmt.Errorf("%w: %d tokens, the model has %d", ErrVocabulary, m, n)
	}
	if a.tok == nil || b.tok == nil {
		if n != m || a.tok != b.tok {
			return fmt.Errorf("%w: the texts of the tokens are not known in one of the two", ErrVocabulary)
		}
		return nil
	}
	for id := range int32(min(a.tok.Size(), b.tok.Size())) {
		if x, y := a.tok.Text(id), b.tok.Text(id); !slices.Equal(x, y) {
			return fmt.Errorf("%w: token %d is %q, in the model %q", ErrVocabulary, id, y, x)
		}
	}
	return nil
}

// prepareSelf makes the state that self-drafts are computed with.
func (p *Speculation) prepareSelf() error {
	e, layers := p.eng, p.eng.model.Config().Layers
	sel := e.opts.selector
	if p.draft.Attention != "" {
		var err error
		if sel, err = attention.Lookup(p.draft.Attention); err != nil {
			return fmt.Errorf("draft self: attention: %w", err)
		}
	}
	if len(p.draft.Skip) > 0 {
		p.skip = make([]bool, layers)
	}
	for _, l := range p.draft.Skip {
		if l >= layers {
			return fmt.Errorf("draft self: skip: layer %d: the model has %d, numbered from 0", l, layers)
		}
		p.skip[l] = true
	}
	if _, _, err := kvcache.LookupPolicy(p.draft.KV); err != nil {
		return fmt.Errorf("draft self: kv: %w", err)
	}
	p.state = e.model.NewState(e.pool, e.cache, sel, e.opts.prec, p.verify.K)
	return nil
}

// Validate reports the first setting out of range. Jobs share passes, for which
// drafts are not made: speculation is for sessions.
func (r *Request) Validate() error {
	if r.Speculation != nil {
		return errors.New("speculation is for sessions (Session.Generate), not for scheduled jobs")
	}
	return r.GenerateOptions.Validate()
}

// Close frees the draft model. Generations that use it must have ended.
func (p *Speculation) Close() error {
	if p.model == nil {
		return nil
	}
	return p.model.Close()
}

// Stats returns a snapshot.
func (p *Speculation) Stats() SpeculationStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.stats
	s.PassRows = slices.Clone(s.PassRows)
	if one := p.ctrl.Pass(1); p.ctrl.Known(1) {
		s.PassCost = make([]float64, 1, maxDraft+2)
		for n := 1; n <= maxDraft+1 && n < cap(s.PassCost); n++ {
			v := 0.0
			if p.ctrl.Known(n) {
				v = p.ctrl.Pass(n) / one
			}
			s.PassCost = append(s.PassCost, v)
		}
		s.DraftCost = p.ctrl.DraftTime() / one
	}
	return s
}

// controller makes the chooser of draft lengths.
func (p *Speculation) controller(nominal float64) *speculate.Controller {
	prior := modelPrior
	if p.draft.Source == speculate.FromLookup {
		prior = lookupPrior
	}
	return speculate.NewController(prior, nominal)
}

// nominalCost is the cost of a draft pass as a multiple of the target's, by the
// bytes that they read.
func (p *Speculation) nominalCost() float64 {
	switch p.draft.Source {
	case speculate.FromModel:
		return float64(p.model.model.PackedBytes()) / float64(p.eng.model.PackedBytes())
	case speculate.FromSelf:
		return 1 - float64(len(p.draft.Skip))/float64(p.eng.model.Config().Layers)
	}
	return 0
}
