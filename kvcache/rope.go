package kvcache

import (
	"math"

	"kvasir/kernels"
)

// Rope rotates queries and keys to positions (Su et al., RoFormer, 2021). It
// is immutable. Rotations are relative: ⟨R(p)q, R(p')k⟩ depends on p-p' only.
type Rope struct {
	// Inv is the angle per position of each pair, in radians: positions scaled,
	// frequency factors divided out. 2·len(Inv) dimensions are rotated.
	Inv []float64
	// Neox: the pairs are (i, i+len(Inv)), else (2i, 2i+1).
	Neox bool
}

// Angles writes the cosines and sines of position pos, one per pair. Angles
// are reduced in float64: at position 1e5 a float32 angle is off by 4e-3 rad.
func (r *Rope) Angles(cos, sin []float32, pos int32) {
	for i, f := range r.Inv {
		s, c := math.Sincos(math.Mod(float64(pos)*f, 2*math.Pi))
		cos[i], sin[i] = float32(c), float32(s)
	}
}

// Turn rotates heads vectors of dim values by the angles given.
func (r *Rope) Turn(x, cos, sin []float32, heads, dim int) {
	if r.Neox {
		kernels.RopeNeox(x, cos, sin, heads, dim)
	} else {
		kernels.RopeNorm(x, cos, sin, heads, dim)
	}
}

// Rotate turns heads vectors of dim values by positions further. It allocates.
func (r *Rope) Rotate(x []float32, heads, dim int, by int32) {
	if by == 0 || len(r.Inv) == 0 {
		return
	}
	n := len(r.Inv)
	a := make([]float32, 2*n)
	r.Angles(a[:n], a[n:], by)
	r.Turn(x, a[:n], a[n:], heads, dim)
}

// TileAngles writes the angles of BlockSlots slots, slot j at position
// pos[j], pair-major: [len(Inv)][BlockSlots]. Slots beyond len(pos) get none.
func (r *Rope) TileAngles(cos, sin []float32, pos []int32) {
	for i, f := range r.Inv {
		for j := range BlockSlots {
			c, s := 1.0, 0.0
			if j < len(pos) {
				s, c = math.Sincos(math.Mod(float64(pos[j])*f, 2*math.Pi))
			}
			cos[i*BlockSlots+j], sin[i*BlockSlots+j] = float32(c), float32(s)
		}
	}
}

// TurnTile rotates a decoded K tile, [dim][BlockSlots], by the angles of
// TileAngles.
func (r *Rope) TurnTile(tile, cos, sin []float32, dim int) {
	n := len(r.Inv) * BlockSlots
	if r.Neox { // rows i and i+len(Inv): one vector of dim·BlockSlots values
		kernels.RopeNeox(tile, cos[:n], sin[:n], 1, dim*BlockSlots)
		return
	}
	for i := 0; i < n; i += BlockSlots { // rows 2i and 2i+1
		kernels.RopeNeox(tile[2*i:], cos[i:i+BlockSlots], sin[i:i+BlockSlots], 1, 2*BlockSlots)
	}
}
