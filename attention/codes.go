package attention

import (
	"kvasir/kernels"
	"kvasir/kvcache"
)

// codes keep the queries of a tile, and the weights of a block, as the 16-bit
// integers that caches of type I16 are multiplied with.
type codes struct {
	on bool
	by int32     // the shift that q is rotated for
	q  []byte    // rows of kernels.I16Width(KDim) codes
	qs []float32 // their scales times the layer's
	w  []byte    // rows × BlockSlots codes
	ws []float32
}

func newCodes(rows, kDim int) codes {
	return codes{
		q:  make([]byte, rows*2*kernels.I16Width(kDim)),
		qs: make([]float32, rows),
		w:  make([]byte, rows*2*kvcache.BlockSlots),
		ws: make([]float32, rows),
	}
}

// query encodes the queries q, rotated for keys that are moved by shift, unless
// they are the ones that it encoded last.
func (c *codes) query(q []float32, l *Layer, rows int, shift int32) {
	if c.on && c.by == shift {
		return
	}
	c.on, c.by = true, shift
	width := 2 * kernels.I16Width(l.KDim)
	for r := range rows {
		c.qs[r] = l.Scale * kernels.EncodeKeyI16(c.q[r*width:(r+1)*width], q[r*l.KDim:(r+1)*l.KDim])
	}
}
