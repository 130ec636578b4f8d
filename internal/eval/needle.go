package eval

import (
	"context"
	"errors"
	"fmt"
	"math"

	"kvasir"
	"kvasir/internal/recall"
)

// NeedleOptions configure a search for hidden answers.
type NeedleOptions struct {
	Task   string   // of Tasks, or "recall" for the retrieval model
	Ctx    []int    // tokens, everything included
	Depths []int    // percent
	Keys   int      // prompts of each cell and seed
	Seeds  []uint64 //
	Fill   string   // "" = prose
	Ask    string   // AskEnd or AskBlind; "" = AskEnd
	Pairs  int      // of a recall prompt; 0 = 32
	// Progress, when set, is called after each prompt.
	Progress func(done, all int)
}

// NeedleCell is the part of a result at one context and depth.
type NeedleCell struct {
	Ctx        int     `json:"ctx"`
	Depth      int     `json:"depth"`
	N          int     `json:"n"`
	Right      float64 `json:"right"`
	RightDense float64 `json:"right_dense"`
	NLL        float64 `json:"nll"`
	NLLDense   float64 `json:"nll_dense"`
}

// NeedleResult is how a setting answered. Tags are the JSON names.
type NeedleResult struct {
	Kind      string  `json:"kind"`
	Task      string  `json:"task"`
	Ask       string  `json:"ask"`
	Fill      string  `json:"fill"`
	Policy    string  `json:"policy"`
	KV        string  `json:"kv"`
	KVType    string  `json:"kv_type"`
	Attention string  `json:"attention"`
	Asked     float64 `json:"bytes_asked,omitempty"`
	Ratio     float64 `json:"ratio"` // measured bytes of the reference's after the prompt, mean
	Prompts   int     `json:"prompts"`
	// Score is the mean share of right answers; Share is Score in relation to
	// ScoreDense.
	Score      float64 `json:"score"`
	ScoreDense float64 `json:"score_dense"`
	Share      float64 `json:"share"`
	// Kept counts only prompts that the full cache answers: which luck cannot
	// raise. Far is the same for needles outside what the newest slots of the
	// same budget would hold. Both are nil below 10 prompts.
	Kept     *float64     `json:"kept"`
	KeptCI   *[2]float64  `json:"kept_ci"`
	KeptN    int          `json:"kept_n"`
	Far      *float64     `json:"kept_far"`
	FarN     int          `json:"kept_far_n"`
	NLL      *float64     `json:"nll"` // per answer token, where there is one answer
	NLLDense *float64     `json:"nll_dense"`
	Contains *float64     `json:"contains"` // RULER's rule, where there are several answers
	Cells    []NeedleCell `json:"cells"`
}

// answerOf is what a setting made of one prompt.
type answerOf struct {
	score, nll, contains float64
	bytes                int64
}

// needleRun is a search under way.
type needleRun struct {
	r       *Runner
	o       NeedleOptions
	l       *layout
	tallies []*tally
}

// Needle measures how settings answer generated prompts, beside the dense
// cache on the same prompts. Results are in order of the settings.
func (r *Runner) Needle(ctx context.Context, settings []Setting, o NeedleOptions) ([]NeedleResult, error) {
	base, err := r.Base()
	if err != nil {
		return nil, err
	}
	if o, err = o.resolve(base); err != nil {
		return nil, err
	}
	n := &needleRun{r: r, o: o}
	if n.l, err = newLayout(base, o.Fill, o.Ask); err != nil {
		return nil, err
	}
	for _, s := range settings {
		n.tallies = append(n.tallies, newTally(s, s.typeShare(r.reference()), &o))
	}
	all, done := len(o.Ctx)*len(o.Depths)*o.Keys*len(o.Seeds), 0
	for _, c := range o.cells() {
		if err := n.cell(ctx, c); err != nil {
			return nil, fmt.Errorf("context %d, depth %d, prompt %d: %w", c.Ctx, c.Depth, c.I, err)
		}
		if done++; o.Progress != nil {
			o.Progress(done, all)
		}
	}
	out := make([]NeedleResult, len(n.tallies))
	for i, t := range n.tallies {
		out[i] = t.result()
	}
	return out, nil
}

func (o NeedleOptions) resolve(eng *kvasir.Engine) (NeedleOptions, error) {
	if o.Task == "" {
		o.Task = "passkey"
		if isRecall(eng) {
			o.Task = "recall"
		}
	}
	if _, ok := Tasks[o.Task]; !ok && o.Task != "recall" {
		return o, fmt.Errorf("%w: task %q: use one of %s", ErrSetting, o.Task, TaskNames())
	}
	if o.Task == "recall" && !isRecall(eng) {
		return o, fmt.Errorf("%w: task recall is for the retrieval model, whose vocabulary has %d tokens", ErrSetting, recall.Size)
	}
	if o.Fill == "" {
		o.Fill = "prose"
	}
	if o.Ask == "" {
		o.Ask = AskEnd
	}
	if o.Pairs == 0 {
		o.Pairs = 32
	}
	if o.Keys < 1 || len(o.Ctx) == 0 || len(o.Depths) == 0 || len(o.Seeds) == 0 {
		return o, fmt.Errorf("%w: no prompts: contexts, depths, keys and seeds must not be empty", ErrSetting)
	}
	if o.Pairs < 1 || o.Pairs > 128 {
		return o, fmt.Errorf("%w: %d pairs: must be 1 to 128", ErrSetting, o.Pairs)
	}
	for _, c := range o.Ctx {
		if limit := eng.Info().Context; c < 32 || c > limit {
			return o, fmt.Errorf("%w: context %d: must be 32 to %d", ErrSetting, c, limit)
		}
	}
	for _, d := range o.Depths {
		if d < 0 || d > 100 {
			return o, fmt.Errorf("%w: depth %d: must be 0 to 100", ErrSetting, d)
		}
	}
	return o, nil
}

// isRecall reports whether an engine runs the retrieval model.
func isRecall(eng *kvasir.Engine) bool {
	t := eng.Tokenizer()
	return t.Size() == recall.Size && t.Piece(recall.Ask) == "?" && t.Piece(recall.Keys) == "\uac00"
}

// cells lists the prompts. Seeds of the same cell stand side by side.
func (o *NeedleOptions) cells() (all []Cell) {
	for _, ctx := range o.Ctx {
		for _, depth := range o.Depths {
			for i := range o.Keys {
				for _, seed := range o.Seeds {
					all = append(all, Cell{Ctx: ctx, Depth: depth, I: i, Seed: seed})
				}
			}
		}
	}
	return all
}

// prompt makes the prompt of a cell.
func (n *needleRun) prompt(c Cell) (*Prompt, error) {
	if n.o.Task != "recall" {
		return n.l.make(n.o.Task, c)
	}
	doc := docOf(fmt.Sprintf("recall/%d/%d/%d", c.Ctx, c.Depth, c.I))
	if 2*n.o.Pairs+8 > c.Ctx-3 {
		return nil, fmt.Errorf("%w: %d pairs need %d tokens", ErrTooShort, n.o.Pairs, 2*n.o.Pairs+11)
	}
	// The question stands inside the prompt and, for the answer, once more behind
	// it: what is answered never comes from before the compression.
	x := recall.NewPrompt(c.Seed|recall.Evaluation, doc, c.Ctx-3, n.o.Pairs, c.Depth)
	p := &Prompt{IDs: x.IDs, Split: len(x.IDs), Needle: x.Needle, Forced: []int32{x.Answer}}
	if n.o.Ask == AskBlind {
		p.Split = len(x.IDs) - 2
	} else {
		p.IDs = append(p.IDs, x.IDs[len(x.IDs)-2:]...)
	}
	return p, nil
}

// cell runs one prompt with the reference and every setting.
func (n *needleRun) cell(ctx context.Context, c Cell) error {
	p, err := n.prompt(c)
	if err != nil {
		return err
	}
	dense := n.r.reference()
	base, err := n.answer(ctx, &dense, p)
	if err != nil {
		return err
	}
	for _, t := range n.tallies {
		a := base
		if t.set != dense {
			if a, err = n.answer(ctx, &t.set, p); err != nil {
				return fmt.Errorf("%s: %w", &t.set, err)
			}
		}
		t.add(c, p, a, base)
	}
	return nil
}

// answer runs one prompt with one setting in a session of its own.
func (n *needleRun) answer(ctx context.Context, set *Setting, p *Prompt) (a answerOf, err error) {
	slots := int(set.Ratio / set.typeShare(n.r.reference()) * float64(p.Split))
	s, err := n.r.session(set, slots)
	if err != nil {
		return a, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.Prefill(ctx, kvasir.Prompt{Tokens: p.IDs[:p.Split]}); err != nil {
		return a, err
	}
	a.bytes = s.CacheStats().Bytes
	last := len(p.IDs) - 1
	if err := feed(ctx, s, p.IDs[p.Split:last], 1); err != nil {
		return a, err
	}
	if p.Forced != nil {
		a.score, a.nll, err = forced(ctx, s, p.IDs[last], p.Forced)
		return a, err
	}
	room := 0
	for _, w := range p.Answers {
		room += len(n.l.plain(" "+w)) + 2
	}
	out, err := n.l.greedy(ctx, s, p.IDs[last], room+8)
	a.score, a.contains = share(out, p.Answers, p.digits), contains(out, p.Answers)
	return a, err
}

// forced feeds the answer token by token: it is right iff each of them is the most
// likely one, which is when a greedy continuation would say it.
func forced(ctx context.Context, s *kvasir.Session, last int32, answer []int32) (score, nll float64, err error) {
	score = 1
	for _, want := range answer {
		err = s.NextLogits(ctx, []int32{last}, func(logits []float32) error {
			if argMax(logits) != int(want) {
				score = 0
			}
			v := logSumExp(logits) - float64(logits[want])
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return kvasir.ErrBadLogits
			}
			nll += v / float64(len(answer))
			return nil
		})
		if err != nil {
			return 0, 0, err
		}
		last = want
	}
	return score, nll, nil
}

// recallText is a document of the retrieval model.
func recallText(seed uint64, n int) []int32 {
	ids, _ := recall.Document(seed|recall.Evaluation, 0, n)
	return ids
}
