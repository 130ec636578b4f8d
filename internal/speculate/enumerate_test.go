package speculate_test

import "kvasir/sampler"

// branches is a Chance that goes through all outcomes: run plays one of them, and
// the weight of a run is its probability.
type branches struct {
	choices []int // taken at each decision
	counts  []int // outcomes of each decision
	at      int
	weight  float64
}

// enumerate calls run once for every sequence of outcomes with a positive
// probability; run makes its decisions from c and adds what it finds with c.weight.
func enumerate(run func(c *branches)) {
	c := &branches{}
	for {
		c.at, c.weight = 0, 1
		run(c)
		i := c.at - 1
		c.choices, c.counts = c.choices[:c.at], c.counts[:c.at]
		for ; i >= 0 && c.choices[i]+1 == c.counts[i]; i-- {
		}
		if i < 0 {
			return
		}
		c.choices, c.counts = c.choices[:i+1], c.counts[:i+1]
		c.choices[i]++
	}
}

// pick decides among outcomes with these probabilities, which sum to 1.
func (c *branches) pick(probs []float64) int {
	if c.at == len(c.choices) {
		c.choices, c.counts = append(c.choices, 0), append(c.counts, len(probs))
	}
	k := c.choices[c.at]
	c.at++
	c.weight *= probs[k]
	return k
}

func (c *branches) Coin(_ int, prob float64) bool {
	switch {
	case prob >= 1:
		return true
	case prob <= 0:
		return false
	}
	return c.pick([]float64{prob, 1 - prob}) == 0
}

func (c *branches) Draw(_ int, d *sampler.Dist) int32 {
	sum := 0.0
	var ids []int32
	var probs []float64
	for i, p := range d.P {
		if p > 0 {
			ids, probs = append(ids, d.IDs[i]), append(probs, p)
			sum += p
		}
	}
	for i := range probs {
		probs[i] /= sum
	}
	return ids[c.pick(probs)]
}
