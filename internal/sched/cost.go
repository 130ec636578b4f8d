package sched

import "math"

// Work is what the duration of a pass depends on.
type Work struct {
	Rows      int32
	LogitRows int32
	Read      int64 // cached tokens that decoding rows attend to, summed
	Prompt    int64 // the same of prompt rows
}

// knots are the row counts whose duration is learned; between them it is
// interpolated.
var knots = [...]int32{1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512}

// Prior says what the first predictions rest on, in nanoseconds.
type Prior struct {
	Pass   float64 // of a pass however small: reading the weights
	Row    float64 // of a row
	Logits float64 // of a row's logits
	Read   float64 // of a cached token that a row reads, decoding
	Prompt float64 // the same for a row of a prompt
}

// Cost predicts the duration of passes and learns from them:
//
//	rows(n) + logits·a + read·b + prompt·c
//
// with rows(n) piecewise linear. Each pass moves the two nearest knots towards
// its residual (EWMA 0.05, faster at first) and a, b, c by normalized least
// mean squares. Not safe for concurrent use.
type Cost struct {
	g       [len(knots)]float64
	seen    [len(knots)]int
	abc     [3]float64
	prior   [3]float64
	scale   float64 // of knots not seen yet
	samples int
	err     float64 // mean |predicted-real|/real
}

// NewCost returns a model that predicts by the prior.
func NewCost(p Prior) *Cost {
	c := &Cost{scale: 1}
	c.abc = [3]float64{max(p.Logits, 1), max(p.Read, 0.01), max(p.Prompt, 0.01)}
	c.prior = c.abc
	for i, n := range knots {
		c.g[i] = max(p.Pass, 1e4) + float64(n)*max(p.Row, 1e3)
	}
	return c
}

// at returns the lower knot of n rows and the weight of the upper one.
func at(n int32) (i int, w float64) {
	n = min(max(n, 1), knots[len(knots)-1])
	for i+2 < len(knots) && knots[i+1] <= n {
		i++
	}
	return i, float64(n-knots[i]) / float64(knots[i+1]-knots[i])
}

func (c *Cost) knot(i int) float64 {
	if c.seen[i] == 0 {
		return c.g[i] * c.scale
	}
	return c.g[i]
}

// rows is the part that depends on the number of rows.
func (c *Cost) rows(n int32) float64 {
	if n <= 0 {
		return 0
	}
	i, w := at(n)
	x := c.knot(i)*(1-w) + c.knot(i+1)*w
	if top := knots[len(knots)-1]; n > top {
		x *= float64(n) / float64(top)
	}
	return x
}

// Predict returns the duration of a pass.
func (c *Cost) Predict(w Work) Time {
	return Time(c.rows(w.Rows) + c.abc[0]*float64(w.LogitRows) + c.abc[1]*float64(w.Read) + c.abc[2]*float64(w.Prompt))
}

// Learn takes a pass that was run. One that took more than eight times as long
// as predicted says something about the machine, not about the work.
func (c *Cost) Learn(w Work, took Time) {
	pred := float64(c.Predict(w))
	real := float64(took)
	if w.Rows <= 0 || real <= 0 || c.samples > 8 && real > 8*pred {
		return
	}
	c.samples++
	c.err += (math.Abs(pred-real)/real - c.err) * max(0.02, 1/float64(c.samples))
	c.moveKnots(w, real-pred, real/pred)
	x := [3]float64{float64(w.LogitRows), float64(w.Read), float64(w.Prompt)}
	norm := 0.0
	for k := range x {
		part := x[k] * c.prior[k]
		norm += part * part
	}
	if norm == 0 {
		return
	}
	share := math.Sqrt(norm) / max(pred, 1) // how much of the pass these terms are
	for k := range x {
		step := 0.05 * min(1, share) * (real - pred) * x[k] * c.prior[k] / norm * c.prior[k]
		c.abc[k] = min(max(c.abc[k]+step, c.prior[k]/8), c.prior[k]*8)
	}
}

// moveKnots moves the two knots beside w.Rows towards the residual.
func (c *Cost) moveKnots(w Work, residual, ratio float64) {
	i, up := at(w.Rows)
	for k, weight := range [2]float64{1 - up, up} {
		j := i + k
		if weight < 0.1 {
			continue
		}
		if c.seen[j] == 0 {
			c.g[j] *= c.scale
		}
		c.seen[j]++
		rate := max(0.05, 1/float64(1+c.seen[j])) * weight
		c.g[j] = max(c.g[j]+rate*residual, 1e3)
	}
	if c.samples < 64 {
		c.scale = min(max(c.scale*math.Pow(ratio, 0.25), 1.0/16), 16)
	}
}

// Error is the mean relative error of the predictions.
func (c *Cost) Error() float64 { return c.err }
