package sampler

import "math"

// adaptiveP prefers candidates whose probability is near a target, which it moves so
// that the probabilities of the drawn tokens, averaged with exponential decay, come
// near Params.AdaptiveTarget (llama.cpp's adaptive-p sampler). With p the probability
// so far, a candidate's logit becomes
//
//	5 - 10·z²/(1+z),   z = |p - a| / 0.3,   a = clamp(2·target - average, 0, 1)
//
// The average is over the probabilities before this change, of sampled tokens.
type adaptiveP struct {
	target, decay float64
	sum, weight   float64 // the average is sum / weight
	seen          recall
}

const (
	adaptiveWidth = 0.3
	adaptivePeak  = 5
	adaptiveSharp = 10
	adaptiveDecay = 0.99 // at most
)

// newAdaptiveP returns nil when the target is negative.
func newAdaptiveP(p Params, _ Vocab) (Stage, error) {
	if p.AdaptiveTarget < 0 {
		return nil, nil
	}
	s := &adaptiveP{target: p.AdaptiveTarget, decay: max(0, min(p.AdaptiveDecay, adaptiveDecay))}
	s.Reset()
	return s, nil
}

// Name implements Stage.
func (*adaptiveP) Name() string { return "adaptive_p" }

// Clone implements Stage.
func (s *adaptiveP) Clone() Stage {
	t := *s
	t.seen = s.seen.clone()
	return &t
}

// Reset implements Stage. The average starts at the target, as after a long text.
func (s *adaptiveP) Reset() {
	s.sum, s.weight, s.seen.valid = s.target/(1-s.decay), 1/(1-s.decay), false
}

// Accept implements Stage.
func (s *adaptiveP) Accept(tok int32) {
	if p, ok := s.seen.take(tok); ok {
		s.sum = p + s.decay*s.sum
		s.weight = 1 + s.decay*s.weight
	}
}

// Apply implements Stage.
func (s *adaptiveP) Apply(c *Cand, _ Rand) error {
	a := max(0, min(2*s.target-s.sum/s.weight, 1))
	w, sum := c.softmax()
	s.seen.store(c, sum)
	c.own()
	for i, x := range c.Logits {
		if x >= lowFinite {
			z := math.Abs(w[i]/sum-a) / adaptiveWidth
			c.Logits[i] = float32(adaptivePeak - adaptiveSharp*z*z/(1+z))
		}
	}
	c.touch()
	return nil
}
