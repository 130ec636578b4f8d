package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"

	"kvasir/internal/bench"
)

// unit is one A B B A, or B A A B. A leg of the peer is a run per setting that is in
// question.
type unit struct {
	Order  string  `json:"order"`
	Legs   []*leg  `json:"legs"`
	Tries  int     `json:"tries"` // 1 = the first one was quiet
	Quiet  bool    `json:"quiet"`
	Spread float64 `json:"spin_spread"` // of the calibrations, (max-min)/min
	Waited float64 `json:"waited_s"`
}

// rates returns the two rates of a side and variant, in the order of time.
func (u *unit) rates(side, variant string) (r [2]float64, ok bool) {
	n := 0
	for _, l := range u.Legs {
		if l.Side == side && l.Variant == variant && n < 2 {
			r[n] = l.Rate
			n++
		}
	}
	return r, n == 2
}

// judge decides whether the machine was quiet during the unit.
func (u *unit) judge() {
	lo, hi := int64(math.MaxInt64), int64(0)
	u.Quiet = true
	for _, l := range u.Legs {
		lo, hi = min(lo, l.SpinNs), max(hi, l.SpinNs)
		u.Quiet = u.Quiet && l.Foreign <= maxForeign
	}
	if lo > 0 && len(u.Legs) > 0 {
		u.Spread = float64(hi-lo) / float64(lo)
	}
	u.Quiet = u.Quiet && u.Spread <= maxSpread
}

// pairing runs rows.
type pairing struct {
	c       *config
	b       *binaries
	log     io.Writer
	machine *machine
	// leg is runLeg, except in tests.
	leg func(ctx context.Context, v *invocation, m *machine) (*leg, error)
}

// closeEnough is how near to the better setting of the peer the other one must be in
// the pilot to stay in question.
const closeEnough = 0.85

// silentTries is how often a program that prints nothing is run.
const silentTries = 4

// run runs a leg, again when it printed nothing.
func (p *pairing) run(ctx context.Context, v *invocation) (l *leg, err error) {
	for range silentTries {
		if l, err = p.leg(ctx, v, p.machine); !errors.Is(err, errSilent) {
			break
		}
	}
	return l, err
}

// row measures one row.
func (p *pairing) row(ctx context.Context, model string, r row, threads int) (*rowResult, error) {
	prompt := ""
	if r.kind == "ttft" {
		prompt = filepath.Join(p.b.temp, "prompt.txt")
		n, err := writePrompt(prompt, model, r.tokens)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(p.log, "%s %s: prompt of %d tokens\n", model, r, n)
	}
	ours := p.b.ours(p.c, model, r, threads, prompt)
	var variants []*invocation
	for _, fa := range p.c.fa {
		variants = append(variants, p.b.theirs(p.c, model, r, threads, prompt, fa))
	}
	res := &rowResult{
		Kind: "row", Model: filepath.Base(model), Row: r.String(), Threads: threads,
		OursCommand: ours.String(), Pilot: map[string]float64{},
	}
	theirs, err := p.pilot(ctx, res, ours, variants)
	if err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(p.c.seed, uint64(threads)))
	for i := range p.c.units {
		u, err := p.unit(ctx, ours, theirs, rng.IntN(2) == 0)
		if err != nil {
			return nil, err
		}
		res.Units = append(res.Units, u)
		a, _ := u.rates("ours", "")
		fmt.Fprintf(p.log, "%s %s t%d unit %d of %d: %s, ours %.4g %.4g, quiet %v after %d\n",
			res.Model, r, threads, i+1, p.c.units, u.Order, a[0], a[1], u.Quiet, u.Tries)
	}
	res.summarize(theirs)
	return res, nil
}

// pilot runs everything once, which also brings the file into memory, and returns
// the settings of the peer that may be its best.
func (p *pairing) pilot(ctx context.Context, res *rowResult, ours *invocation, variants []*invocation) ([]*invocation, error) {
	if _, err := p.run(ctx, ours); err != nil {
		return nil, err
	}
	best := 0.0
	for _, v := range variants {
		l, err := p.run(ctx, v)
		if err != nil {
			return nil, err
		}
		res.Pilot[v.variant] = l.Rate
		best = max(best, l.Rate)
	}
	var kept []*invocation
	for _, v := range variants {
		if res.Pilot[v.variant] >= closeEnough*best {
			kept = append(kept, v)
		}
	}
	return kept, nil
}

// unit runs one unit, again while the machine is not quiet, as often as allowed.
func (p *pairing) unit(ctx context.Context, ours *invocation, theirs []*invocation, oursFirst bool) (*unit, error) {
	order := "abba"
	if !oursFirst {
		order = "baab"
	}
	for try := 1; ; try++ {
		waited, err := p.machine.awaitQuiet(ctx, p.c.wait)
		if err != nil {
			return nil, err
		}
		u := &unit{Order: order, Tries: try, Waited: waited.Seconds()}
		for _, side := range order {
			legs := theirs
			if side == 'a' {
				legs = []*invocation{ours}
			}
			for _, v := range legs {
				l, err := p.run(ctx, v)
				if err != nil {
					return nil, err
				}
				u.Legs = append(u.Legs, l)
			}
		}
		if u.judge(); u.Quiet || try > p.c.retries {
			return u, nil
		}
	}
}

// rowResult is what came of a row.
type rowResult struct {
	Kind    string `json:"kind"` // "row"
	Model   string `json:"model"`
	Row     string `json:"row"`
	Threads int    `json:"threads"`

	// Ratio is the median over units of ours by the peer's at its better setting, Lo
	// and Hi its 95 % interval.
	Ratio  float64   `json:"ratio"`
	Lo     float64   `json:"ratio_lo"`
	Hi     float64   `json:"ratio_hi"`
	Ratios []float64 `json:"ratios"`
	Noisy  int       `json:"noisy_units"`

	Ours        float64            `json:"ours"` // median rate
	Peer        float64            `json:"peer"`
	FA          string             `json:"fa"`
	Pilot       map[string]float64 `json:"pilot"`
	OursRSS     int64              `json:"ours_peak_rss_bytes"`
	PeerRSS     int64              `json:"peer_peak_rss_bytes"`
	OursCommand string             `json:"ours_command"`
	PeerCommand string             `json:"peer_command"`
	Units       []*unit            `json:"units"`
}

// summarize fills in everything that follows from the units. The peer's setting is
// the one with the higher median.
func (r *rowResult) summarize(theirs []*invocation) {
	r.Peer = -1
	for _, v := range theirs {
		if m := bench.Median(r.side("peer", v.variant, func(l *leg) float64 { return l.Rate })); m > r.Peer {
			r.Peer, r.FA, r.PeerCommand = m, v.variant, v.String()
		}
	}
	r.Ours = bench.Median(r.side("ours", "", func(l *leg) float64 { return l.Rate }))
	rss := func(l *leg) float64 { return float64(l.RSS) }
	r.OursRSS, r.PeerRSS = int64(bench.Median(r.side("ours", "", rss))), int64(bench.Median(r.side("peer", r.FA, rss)))
	r.Ratios, r.Noisy = nil, 0
	for _, u := range r.Units {
		a, okA := u.rates("ours", "")
		b, okB := u.rates("peer", r.FA)
		if okA && okB {
			r.Ratios = append(r.Ratios, bench.PairRatio(a, b))
		}
		if !u.Quiet {
			r.Noisy++
		}
	}
	r.Ratio = bench.Median(r.Ratios)
	r.Lo, r.Hi = bench.MedianInterval(r.Ratios)
}

// side returns a value of every leg of a side and variant.
func (r *rowResult) side(side, variant string, value func(*leg) float64) (out []float64) {
	for _, u := range r.Units {
		for _, l := range u.Legs {
			if l.Side == side && l.Variant == variant {
				out = append(out, value(l))
			}
		}
	}
	return out
}

// writePrompt writes text of at most n tokens of a model, as near to n as whole
// words allow, and returns how many they are.
func writePrompt(path, model string, n int) (int, error) {
	count, err := tokenCounter(model)
	if err != nil {
		return 0, err
	}
	text, tokens := cutPrompt(n, count)
	if tokens == 0 {
		return 0, fmt.Errorf("no text of at most %d tokens", n)
	}
	return tokens, os.WriteFile(path, []byte(text), 0o600)
}
