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
