package eval

import "math"

const fewPrompts = 10 // below, a share of answered prompts says nothing

// tally collects the answers of one setting.
type tally struct {
	set   Setting
	typed float64 // size of its storage type relative to the reference's
	o     *NeedleOptions
	cells map[[2]int]*NeedleCell
	order [][2]int

	n                    int
	score, dense         float64
	nll, nllDense        float64
	contains             float64
	bytes, bytesDense    int64
	both, onlyDense      int
	farBoth, farOnly     int
	forced, manyAnswered bool
}

func newTally(s Setting, typed float64, o *NeedleOptions) *tally {
	return &tally{set: s, typed: typed, o: o, cells: map[[2]int]*NeedleCell{}}
}

// add counts one prompt.
func (t *tally) add(c Cell, p *Prompt, a, base answerOf) {
	t.n++
	t.score += a.score
	t.dense += base.score
	t.nll += a.nll
	t.nllDense += base.nll
	t.contains += a.contains
	t.bytes += a.bytes
	t.bytesDense += base.bytes
	t.forced = t.forced || p.Forced != nil
	t.manyAnswered = t.manyAnswered || p.Forced == nil
	share := float64(a.bytes) / float64(base.bytes) / t.typed
	far := p.Split-p.Needle > int(share*float64(p.Split))+32
	if base.score == 1 {
		if a.score == 1 {
			t.both++
		} else {
			t.onlyDense++
		}
		if far && a.score == 1 {
			t.farBoth++
		} else if far {
			t.farOnly++
		}
	}
	key := [2]int{c.Ctx, c.Depth}
	cell := t.cells[key]
	if cell == nil {
		cell = &NeedleCell{Ctx: c.Ctx, Depth: c.Depth}
		t.cells[key] = cell
		t.order = append(t.order, key)
	}
	cell.N++
	cell.Right += a.score
	cell.RightDense += base.score
	cell.NLL += a.nll
	cell.NLLDense += base.nll
}

// result sums up.
func (t *tally) result() NeedleResult {
	n, s := float64(t.n), &t.set
	r := NeedleResult{
		Kind: "needle", Task: t.o.Task, Ask: t.o.Ask, Fill: t.o.Fill, Policy: s.Policy(), KV: s.KV, KVType: s.Type,
		Attention: s.Attention, Asked: s.Ratio, Prompts: t.n, Score: t.score / n, ScoreDense: t.dense / n,
		Ratio: float64(t.bytes) / float64(t.bytesDense), KeptN: t.both + t.onlyDense, FarN: t.farBoth + t.farOnly,
	}
	if t.dense > 0 {
		r.Share = t.score / t.dense
	}
	if r.KeptN >= fewPrompts {
		v, ci := float64(t.both)/float64(r.KeptN), wilson(t.both, r.KeptN)
		r.Kept, r.KeptCI = &v, &ci
	}
	if r.FarN >= fewPrompts {
		v := float64(t.farBoth) / float64(r.FarN)
		r.Far = &v
	}
	if t.forced {
		a, b := t.nll/n, t.nllDense/n
		r.NLL, r.NLLDense = &a, &b
	}
	if t.manyAnswered {
		v := t.contains / n
		r.Contains = &v
	}
	for _, k := range t.order {
		c := *t.cells[k]
		c.NLL, c.NLLDense = round(c.NLL/float64(c.N)), round(c.NLLDense/float64(c.N))
		r.Cells = append(r.Cells, c)
	}
	return r
}

func round(v float64) float64 { return math.Round(v*1e6) / 1e6 }
