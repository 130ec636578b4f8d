package sampler

// penalties lower the logits of tokens among the last n accepted ones, prompt
// included. For a token seen count times in that window:
//
//	l = l*repeat if l <= 0, else l/repeat   (Keskar et al., CTRL, 2019, section 4.1,
//	                                         with llama.cpp's rule for negative l)
//	l -= frequency*count + presence         (as in the OpenAI API)
type penalties struct {
	repeat, frequency, presence float64
	seen                        window
}

// newPenalties returns nil when nothing would be penalised.
func newPenalties(p Params, _ Vocab) (Stage, error) {
	if p.RepeatLastN == 0 || p.RepeatPenalty == 1 && p.FrequencyPenalty == 0 && p.PresencePenalty == 0 {
		return nil, nil
	}
	return &penalties{
		repeat: p.RepeatPenalty, frequency: p.FrequencyPenalty, presence: p.PresencePenalty,
		seen: newWindow(p.RepeatLastN),
	}, nil
}

// Name implements Stage.
func (*penalties) Name() string { return "penalties" }

// Clone implements Stage.
func (s *penalties) Clone() Stage {
	t := *s
	t.seen = s.seen.clone()
	return &t
}

// Accept implements Stage.
func (s *penalties) Accept(tok int32) { s.seen.push(tok) }

// Reset implements Stage.
func (s *penalties) Reset() { s.seen.reset() }

// Apply implements Stage. On a dense list it visits the seen tokens only, never the
// vocabulary.
func (s *penalties) Apply(c *Cand, _ Rand) error {
	if s.seen.tally.used == 0 {
		return nil
	}
	c.own()
	if c.IDs == nil {
		for _, e := range s.seen.tally.slots {
			if e.count > 0 {
				c.set(e.id, s.lower(c.Logits[e.id], e.count))
			}
		}
		return nil
	}
	for i, id := range c.IDs {
		if n := s.seen.tally.count(id); n > 0 {
			c.Logits[i] = s.lower(c.Logits[i], n)
		}
	}
	c.touch()
	return nil
}

// lower returns the penalised logit of a token seen count times.
func (s *penalties) lower(l float32, count int32) float32 {
	x := float64(l)
	if x <= 0 {
		x *= s.repeat
	} else {
		x /= s.repeat
	}
	return finite(x - (s.frequency*float64(count) + s.presence))
}
