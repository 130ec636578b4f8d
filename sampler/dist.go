package sampler

import "slices"

// Dist is a distribution over tokens: ids ascending, probabilities positive and
// summing to 1; absent tokens have probability 0. A Dist may be filled again and
// again and reuses its memory.
type Dist struct {
	IDs []int32
	P   []float64

	order []uint64
}

// Prob returns the probability of id.
func (d *Dist) Prob(id int32) float64 {
	if i, ok := slices.BinarySearch(d.IDs, id); ok {
		return d.P[i]
	}
	return 0
}

// Draw returns the first token, by id, at which the running sum of probabilities
// exceeds u times their sum, for u in [0, 1). d must hold a token of positive
// probability; others may be 0, and the sum need not be 1.
func (d *Dist) Draw(u float64) int32 {
	sum := 0.0
	for _, p := range d.P {
		sum += p
	}
	goal, run, last := u*sum, 0.0, -1
	for i, p := range d.P {
		if p == 0 {
			continue
		}
		run += p
		last = i
		if run > goal {
			break
		}
	}
	return d.IDs[last]
}

// Set makes d a copy of src.
func (d *Dist) Set(src *Dist) {
	d.IDs, d.P = append(d.IDs[:0], src.IDs...), append(d.P[:0], src.P...)
}

// fill sets d to the softmax of c.
func (d *Dist) fill(c *Cand) {
	w, sum := c.softmax()
	d.order = d.order[:0]
	for i, x := range w {
		if x > 0 {
			d.order = append(d.order, uint64(uint32(c.id(i)))<<32|uint64(uint32(i)))
		}
	}
	if c.IDs != nil {
		slices.Sort(d.order)
	}
	d.IDs, d.P = d.IDs[:0], d.P[:0]
	for _, k := range d.order {
		d.IDs = append(d.IDs, int32(k>>32))
		d.P = append(d.P, w[uint32(k)]/sum)
	}
}
