package eval

import (
	"fmt"
	"math"
	"slices"

	"kvasir"
)

// Row is what is kept of one scored position.
type Row struct {
	Window, Pos int32
	KL          float64 // nats, from the reference's distribution to the tested one
	NLL, NLL0   float64 // of the next token; NLL0 is the reference's
	Same        bool    // equal arg max, the lowest id on ties
}

// baseRow is a row of logits of the reference with what every comparison needs.
type baseRow struct {
	logits []float32
	lse    float64
	top    int
	nll    float64
}

func newBaseRow(logits []float32, target int32, pos int) (baseRow, error) {
	b := baseRow{logits: logits, lse: logSumExp(logits), top: argMax(logits)}
	b.nll = b.lse - float64(logits[target])
	if math.IsNaN(b.nll) || math.IsInf(b.nll, 0) {
		return b, fmt.Errorf("position %d: %w", pos, kvasir.ErrBadLogits)
	}
	return b, nil
}

// compare scores a row of logits against the reference's. Equal logits give a
// divergence of exactly 0: every difference is 0, and both sums are the same.
func (b *baseRow) compare(y []float32, target int32, pos int) (Row, error) {
	r := Row{Pos: int32(pos), NLL0: b.nll, Same: argMax(y) == b.top}
	lse := logSumExp(y)
	r.NLL = lse - float64(y[target])
	sum := 0.0
	for i, x := range b.logits {
		if d := float64(x) - float64(y[i]); d != 0 {
			sum += math.Exp(float64(x)-b.lse) * d
		}
	}
	r.KL = sum - b.lse + lse
	if math.IsNaN(r.KL) || math.IsInf(r.KL, 0) || math.IsInf(r.NLL, 0) {
		return r, fmt.Errorf("position %d: %w", pos, kvasir.ErrBadLogits)
	}
	return r, nil
}

// argMax is the index of the largest value, the lowest on ties.
func argMax(x []float32) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}

// percentile interpolates between order statistics at f·(n-1); x is sorted.
func percentile(x []float64, f float64) float64 {
	if len(x) == 0 {
		return math.NaN()
	}
	at := f * float64(len(x)-1)
	lo := int(at)
	hi := min(lo+1, len(x)-1)
	return x[lo] + (at-float64(lo))*(x[hi]-x[lo])
}

// Quality sums up the rows of a setting.
type Quality struct {
	PPL      float64 `json:"ppl"`
	PPLDense float64 `json:"ppl_dense"`
	KLMean   float64 `json:"kl_mean"`
	// KLMeanCI is the 95 % interval over windows, nil for a single window; CI
	// says how it was found: "windows" or "blocks".
	KLMeanCI  *[2]float64 `json:"kl_mean_ci"`
	CI        string      `json:"ci,omitempty"`
	KLMedian  float64     `json:"kl_median"`
	KLP90     float64     `json:"kl_p90"`
	KLP99     float64     `json:"kl_p99"`
	KLMax     float64     `json:"kl_max"`
	Top1Agree float64     `json:"top1_agree"`
	// KLWindows are the means of the windows: what a comparison is paired by.
	KLWindows []float64 `json:"kl_windows"`
	Scored    int       `json:"tokens_scored"`
}

// newQuality sums up rows, which are in order of windows and positions.
func newQuality(rows []Row) Quality {
	var q Quality
	kl := make([]float64, len(rows))
	var nll, nll0, same, sum float64
	for i := range rows {
		r := &rows[i]
		kl[i] = r.KL
		sum += r.KL
		nll += r.NLL
		nll0 += r.NLL0
		if r.Same {
			same++
		}
	}
	n := float64(len(rows))
	q.PPL, q.PPLDense = math.Exp(nll/n), math.Exp(nll0/n)
	q.KLMean, q.Top1Agree, q.Scored = sum/n, same/n, len(rows)
	groups := byWindow(rows)
	for _, g := range groups {
		s := 0.0
		for _, v := range g {
			s += v
		}
		q.KLWindows = append(q.KLWindows, s/float64(len(g)))
	}
	q.KLMeanCI, q.CI = meanInterval(groups)
	slices.Sort(kl)
	q.KLMedian, q.KLP90, q.KLP99 = percentile(kl, 0.5), percentile(kl, 0.9), percentile(kl, 0.99)
	q.KLMax = kl[len(kl)-1]
	return q
}

// byWindow groups the divergences.
func byWindow(rows []Row) (groups [][]float64) {
	for i := range rows {
		if i == 0 || rows[i].Window != rows[i-1].Window {
			groups = append(groups, nil)
		}
		g := &groups[len(groups)-1]
		*g = append(*g, rows[i].KL)
	}
	return groups
}
