package sampler_test

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"kvasir/sampler"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// refCand is a candidate of the reference chain below.
type refCand struct {
	id    int32
	logit float32
}

// refChain computes the final distribution the plain way: everything is sorted all
// the time, and every rule is written out. order holds no penalties.
func refChain(row []float32, p sampler.Params, order []string) map[int32]float64 {
	var cs []refCand
	for i, x := range row {
		if !math.IsInf(float64(x), -1) {
			cs = append(cs, refCand{int32(i), x})
		}
	}
	sortRef(cs)
	if p.Temperature <= 0 {
		return map[int32]float64{cs[0].id: 1}
	}
	for _, name := range order {
		cs = refStages[name](cs, p)
		sortRef(cs)
	}
	out := map[int32]float64{}
	for i, q := range refProbs(cs) {
		if q > 0 {
			out[cs[i].id] = q
		}
	}
	return out
}

// sortRef orders by logit descending, then id ascending.
func sortRef(cs []refCand) {
	slices.SortFunc(cs, func(a, b refCand) int {
		if a.logit != b.logit {
			return cmp.Compare(b.logit, a.logit)
		}
		return cmp.Compare(a.id, b.id)
	})
}

var refStages = map[string]func(cs []refCand, p sampler.Params) []refCand{
	"top_k": func(cs []refCand, p sampler.Params) []refCand {
		if p.TopK > 0 {
			cs = cs[:min(p.TopK, len(cs))]
		}
		return cs
	},
	"top_p": func(cs []refCand, p sampler.Params) []refCand {
		run := 0.0
		for i, q := range refProbs(cs) {
			run += q
			if p.TopP < 1 && run >= p.TopP-0x1p-23 && i+1 >= p.MinKeep {
				return cs[:i+1]
			}
		}
		return cs
	},
	"min_p": func(cs []refCand, p sampler.Params) []refCand {
		n := 0
		for n < len(cs) && (p.MinP <= 0 || float64(cs[n].logit) >= float64(cs[0].logit)+math.Log(p.MinP)) {
			n++
		}
		return cs[:min(len(cs), max(n, p.MinKeep, 1))]
	},
	"temperature": func(cs []refCand, p sampler.Params) []refCand {
		t := p.Temperature
		if p.DynatempRange > 0 && len(cs) > 1 {
			lo, hi := max(0, t-p.DynatempRange), t+p.DynatempRange
			t = lo + (hi-lo)*math.Pow(refEntropy(refProbs(cs))/math.Log(float64(len(cs))), p.DynatempExponent)
		}
		cs = slices.Clone(cs)
		if t <= 0 {
			return cs[:1]
		}
		top := float64(cs[0].logit)
		for i := range cs {
			if p.Temperature != 1 || p.DynatempRange > 0 && len(cs) > 1 {
				cs[i].logit = float32((float64(cs[i].logit) - top) / t)
			}
		}
		return cs // rounding may make ties
	},
	"top_n_sigma": func(cs []refCand, p sampler.Params) []refCand {
		if p.TopNSigma <= 0 {
			return cs
		}
		mean, variance := 0.0, 0.0
		for _, c := range cs {
			mean += float64(c.logit) / float64(len(cs))
		}
		for _, c := range cs {
			variance += (float64(c.logit) - mean) * (float64(c.logit) - mean) / float64(len(cs))
		}
		floor := float64(cs[0].logit) - p.TopNSigma*math.Sqrt(variance)
		return slices.DeleteFunc(cs, func(c refCand) bool { return float64(c.logit) < floor })
	},
	"typ_p": func(cs []refCand, p sampler.Params) []refCand {
		if p.TypicalP >= 1 {
			return cs
		}
		q := refProbs(cs)
		h := refEntropy(q)
		byFar := make([]int, len(cs))
		for i := range byFar {
			byFar[i] = i
		}
		far := func(i int) float64 { return math.Abs(-math.Log(q[i]) - h) }
		slices.SortStableFunc(byFar, func(a, b int) int {
			if cs[a].logit == cs[b].logit {
				return cmp.Compare(a, b)
			}
			return cmp.Compare(far(a), far(b))
		})
		var out []refCand
		run := 0.0
		for _, i := range byFar {
			out = append(out, cs[i])
			if run += q[i]; run > p.TypicalP && len(out) >= p.MinKeep {
				break
			}
		}
		return out
	},
	"xtc": func(cs []refCand, p sampler.Params) []refCand {
		if p.XTCThreshold > 0.5 || sampler.NewRand(refSeed, 0, refPos).U(sampler.PurposeXTC, 0) > p.XTCProbability || p.XTCProbability <= 0 {
			return cs
		}
		last := 0
		for i, q := range refProbs(cs) {
			if q >= p.XTCThreshold {
				last = i
			}
		}
		if len(cs)-last < p.MinKeep {
			return cs
		}
		return cs[last:]
	},
	"top_h": refTopH,
}

// refTopH is algorithm 1 of the paper, and the loop of the published code.
func refTopH(cs []refCand, p sampler.Params) []refCand {
	if p.TopH <= 0 || p.TopH >= 1 {
		return cs
	}
	q := refProbs(cs)
	if p.TopHMode == "ref" {
		n := min(p.TopHN, len(q))
		whole, part := 0.0, 0.0
		for _, x := range q[:n] {
			whole -= x * math.Log(max(x, 1e-300))
		}
		for i, x := range q[:n] {
			if part -= x * math.Log(max(x, 1e-300)); i > 0 && i >= p.MinKeep && part > p.TopH*whole*(1+1e-12) {
				return cs[:i]
			}
		}
		return cs[:n]
	}
	bound := p.TopH * refEntropy(q) * (1 + 1e-12)
	for i := range q {
		part := slices.Clone(q[:i+1])
		sum := 0.0
		for _, x := range part {
			sum += x
		}
		for j := range part {
			part[j] /= sum
		}
		if i > 0 && i >= p.MinKeep && refEntropy(part) > bound {
			return cs[:i]
		}
	}
	return cs
}

// refEntropy is the entropy in nats.
func refEntropy(q []float64) float64 {
	h := 0.0
	for _, x := range q {
		if x > 0 {
			h -= x * math.Log(x)
		}
	}
	return h
}

// The seed and position of the draws in TestChainEqualsReference.
const refSeed, refPos = 42, 9

// refProbs is the softmax of a sorted list.
func refProbs(cs []refCand) []float64 {
	q, sum := make([]float64, len(cs)), 0.0
	for i, c := range cs {
		q[i] = math.Exp(float64(c.logit) - float64(cs[0].logit))
		sum += q[i]
	}
	for i := range q {
		q[i] /= sum
	}
	return q
}

// drawRow draws a row with at least one finite logit, from few values with many ties
// to all different, some sorted.
func drawRow(t *rapid.T) []float32 {
	rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "rowSeed"), 0))
	row := make([]float32, 1+rng.IntN(rapid.SampledFrom([]int{4, 40, 1500}).Draw(t, "maxLen")))
	grid, masked := rapid.SampledFrom([]float64{0, 1, 4}).Draw(t, "grid"), rapid.SampledFrom([]float64{0, 0.1, 0.9}).Draw(t, "masked")
	scale := rapid.SampledFrom([]float64{0.01, 2, 10, 60}).Draw(t, "scale")
	for i := range row {
		x := rng.NormFloat64() * scale
		if grid > 0 {
			x = math.Round(x*grid) / grid
		}
		if row[i] = float32(x); i > 0 && rng.Float64() < masked {
			row[i] = float32(math.Inf(-1))
		}
	}
	if rapid.Bool().Draw(t, "ascending") {
		slices.Sort(row)
	}
	return row
}

// drawParams draws settings and an order of stages without penalties.
func drawParams(t *rapid.T) (sampler.Params, []string) {
	p := neutral()
	p.Temperature = rapid.SampledFrom([]float64{0, 0.1, 0.8, 1, 2, 50}).Draw(t, "temp")
	p.TopK = rapid.SampledFrom([]int{0, 1, 2, 40, 300, 5000}).Draw(t, "topK")
	p.TopP = rapid.SampledFrom([]float64{0, 0.31, 0.77, 0.95, 0.9999, 1}).Draw(t, "topP")
	p.MinP = rapid.SampledFrom([]float64{0, 1e-9, 0.0513, 0.37, 1, 1.5}).Draw(t, "minP")
	p.MinKeep = rapid.SampledFrom([]int{0, 1, 3, 100}).Draw(t, "minKeep")
	p.DynatempRange = rapid.SampledFrom([]float64{0, 0, 0.37, 2.5}).Draw(t, "dynatemp")
	p.TopNSigma = rapid.SampledFrom([]float64{-1, 0.513, 1.7, 6}).Draw(t, "nSigma")
	p.TypicalP = rapid.SampledFrom([]float64{0, 0.3137, 0.9071, 1}).Draw(t, "typicalP")
	p.TopH = rapid.SampledFrom([]float64{0, 0.0713, 0.397, 0.913, 1}).Draw(t, "topH")
	p.TopHMode = rapid.SampledFrom([]string{"paper", "ref"}).Draw(t, "topHMode")
	p.TopHN = rapid.SampledFrom([]int{1, 7, 100, 9999}).Draw(t, "topHN")
	p.XTCProbability = rapid.SampledFrom([]float64{0, 1}).Draw(t, "xtc")
	p.XTCThreshold = rapid.SampledFrom([]float64{0, 0.0313, 0.113, 0.5, 0.6}).Draw(t, "xtcThreshold")
	p.Preset = "custom"
	order := rapid.Permutation([]string{"top_k", "top_p", "min_p", "temperature", "top_n_sigma", "typ_p", "xtc", "top_h"}).Draw(t, "order")
	return p, order[:rapid.IntRange(0, len(order)).Draw(t, "stages")]
}

func TestChainEqualsReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		row := drawRow(t)
		p, order := drawParams(t)
		p.Samplers = order
		c, err := sampler.NewChain(p, sampler.Vocab{Size: len(row)})
		if err != nil {
			t.Fatal(err)
		}
		before := slices.Clone(row)
		var d sampler.Dist
		tok, err := c.Next(row, 9, &d)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(before, row) {
			t.Fatal("the caller's logits changed")
		}
		want := refChain(row, p, order)
		if len(d.IDs) != len(want) {
			t.Fatalf("kept %d tokens %v, want %d: %v", len(d.IDs), d.IDs, len(want), want)
		}
		sum := 0.0
		for i, id := range d.IDs {
			if i > 0 && d.IDs[i-1] >= id {
				t.Fatalf("ids %v do not ascend", d.IDs)
			}
			if w, ok := want[id]; !ok || math.Abs(w-d.P[i]) > 1e-9 {
				t.Fatalf("token %d has probability %v, want %v", id, d.P[i], w)
			}
			sum += d.P[i]
		}
		if math.Abs(sum-1) > 1e-12 {
			t.Fatalf("probabilities sum to %v", sum)
		}
		if d.Prob(tok) <= 0 {
			t.Fatalf("drew token %d of probability %v", tok, d.Prob(tok))
		}
	})
}

// A constant added to all logits changes no kept set. Integers keep float32 exact.
func TestShiftInvariance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		row := drawRow(t)
		for i, x := range row {
			row[i] = float32(math.Round(float64(x)))
		}
		p, order := drawParams(t)
		p.Samplers = order
		c, err := sampler.NewChain(p, sampler.Vocab{Size: len(row)})
		if err != nil {
			t.Fatal(err)
		}
		shift := float32(rapid.IntRange(-1000, 1000).Draw(t, "shift"))
		shifted := slices.Clone(row)
		for i := range shifted {
			shifted[i] += shift
		}
		var a, b sampler.Dist
		x, err := c.Next(row, 1, &a)
		y, err2 := c.Next(shifted, 1, &b)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		if x != y || !slices.Equal(a.IDs, b.IDs) {
			t.Fatalf("%d of %v became %d of %v", x, a.IDs, y, b.IDs)
		}
	})
}

// The queue cases of llama.cpp: 10000 tokens with p proportional to the id.
func TestQueueOfStages(t *testing.T) {
	row := make([]float32, 10000)
	for i := range row {
		row[i] = float32(math.Log(float64(i)))
	}
	p := neutral()
	p.TopK, p.TopP, p.MinP = 100, 0.8, 0.1
	for _, order := range [][]string{
		{"top_k"}, {"top_p"}, {"min_p"}, {"top_k", "min_p"}, {"top_k", "top_p"}, {"top_p", "top_k"}, {"top_p", "min_p"},
		{"min_p", "top_k"}, {"min_p", "top_p"}, {"top_k", "top_p", "min_p"}, {"top_k", "min_p", "top_p"}, {"top_p", "top_k", "min_p"},
		{"top_p", "min_p", "top_k"}, {"min_p", "top_k", "top_p"}, {"min_p", "top_p", "top_k"},
	} {
		p.Samplers = order
		d := distOf(t, p, row)
		want := refChain(row, p, order)
		require.Len(t, d.IDs, len(want), "%v", order)
		require.Equal(t, int32(9999), d.IDs[len(d.IDs)-1], "%v", order)
		for i, id := range d.IDs {
			require.InDelta(t, want[id], d.P[i], 1e-9, "%v token %d", order, id)
		}
	}
}
