package sampler

import "math"

// mirostat holds the surprise -log2 p of the drawn tokens near tau bits: it cuts the
// list at a surprise of about mu, and after each token corrects mu by the error,
//
//	mu -= eta·(-log2 p(token) - tau)
//
// with p as it was drawn from (Basu, Ramachandran, Keskar, Varshney: "Mirostat: a
// neural text decoding algorithm that directly controls perplexity", ICLR 2021).
// Version 1 is algorithm 1 of the paper, with k from a fit of Zipf's law; version 2 is
// the authors' simpler form, which cuts at a surprise of mu itself. Tokens that the
// chain did not sample, and such as it gave no chance, leave mu as it is.
type mirostat struct {
	version  int
	tau, eta float64
	vocab    float64
	mu       float64
	seen     recall
}

// newMirostat returns nil when Params.Mirostat is 0.
func newMirostat(p Params, v Vocab) (Stage, error) {
	if p.Mirostat == 0 {
		return nil, nil
	}
	s := &mirostat{version: p.Mirostat, tau: p.MirostatTau, eta: p.MirostatEta, vocab: float64(v.Size)}
	s.Reset()
	return s, nil
}

// Name implements Stage.
func (*mirostat) Name() string { return "mirostat" }

// Clone implements Stage.
func (s *mirostat) Clone() Stage {
	t := *s
	t.seen = s.seen.clone()
	return &t
}

// Reset implements Stage.
func (s *mirostat) Reset() {
	s.set(2 * s.tau)
	s.seen.valid = false
}

// set changes mu and keeps it finite.
func (s *mirostat) set(mu float64) { s.mu = max(-math.MaxFloat32, min(mu, math.MaxFloat32)) }

// Accept implements Stage.
func (s *mirostat) Accept(tok int32) {
	if p, ok := s.seen.take(tok); ok {
		s.set(s.mu - s.eta*(-math.Log2(p)-s.tau))
	}
}

// Apply implements Stage.
func (s *mirostat) Apply(c *Cand, _ Rand) error {
	if s.version == 1 {
		if k := s.zipf(c.leaders(mirostatFit)); k < float64(len(c.Logits)) {
			c.keepBest(int(max(k, 1)))
		}
	} else {
		a := c.spread(1)
		floor := float64(c.top()) + math.Log(a.z) - s.mu*math.Ln2
		if floor > float64(c.top()) {
			c.single(c.bestIndex())
		} else {
			c.filter(ceil32(max(floor, -math.MaxFloat32)), math.MaxInt32)
		}
	}
	s.seen.store(c, sumExp(c.Logits, c.top()))
	return nil
}

// mirostatFit is how many candidates version 1 fits Zipf's law to.
const mirostatFit = 100

// zipf fits p(rank) ~ rank^-s to the best candidates (equation 7 of the paper) and
// returns how many candidates give a surprise of mu (equation 8). Where the formulas
// have no value, it is +Inf, or their limit for s = 1; a lone candidate is kept.
func (s *mirostat) zipf(logits []float32) float64 {
	if len(logits) < 2 {
		return 1
	}
	var tb, tt float64
	for i := range len(logits) - 1 {
		t := math.Log(float64(i+2) / float64(i+1))
		tb += t * (float64(logits[i]) - float64(logits[i+1]))
		tt += t * t
	}
	exponent := tb / tt
	e := exponent - 1
	ratio := e / (1 - math.Pow(s.vocab, -e))
	if e == 0 {
		ratio = 1 / math.Log(s.vocab)
	}
	k := math.Pow(ratio*math.Exp2(s.mu), 1/exponent)
	if math.IsNaN(k) {
		return math.Inf(1)
	}
	return k
}

// keepBest keeps the n >= 1 best unmasked candidates in their order.
func (c *Cand) keepBest(n int) {
	if c.Sorted {
		c.cut(len(c.leaders(n)))
		return
	}
	last := uint64(0)
	for _, k := range c.gather(n) {
		last = max(last, k)
	}
	floor, id := splitKey(last)
	c.filter(floor, id)
}
