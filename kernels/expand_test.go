package kernels

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/x448/float16"
)

func TestExpandScales(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(5, 5))
		for _, l := range testLayouts() {
			for i, nb := range append(testBlocks, 10, 16, 17, 24, 31, expandPiece+8) {
				src := guardedCopy(t, randomScaleBytes(rng, l, nb), i)
				ws := guarded[float32](t, l.Groups(nb)*RowGroup, i)
				var wm []float32
				if l.hasMin() {
					wm = guarded[float32](t, l.Groups(nb)*RowGroup, i+1)
				}
				ExpandScales(l, ws, wm, src, nb)
				for g := range l.Groups(nb) {
					for r := range RowGroup {
						w, m := scaleAt(l, src, g, r)
						gotW, gotM := ws[g*RowGroup+r], float32(0)
						if wm != nil {
							gotM = wm[g*RowGroup+r]
						}
						if !sameFloat(w, gotW) || !sameFloat(m, gotM) {
							t.Fatalf("%+v nb %d group %d row %d: got %v %v, want %v %v", *l, nb, g, r, gotW, gotM, w, m)
						}
					}
				}
			}
		}
	})
}

// randomScaleBytes is any bytes: every bit pattern of a float16 occurs, NaN too.
func randomScaleBytes(rng *rand.Rand, l *Layout, nb int) []byte {
	src := make([]byte, l.ScaleBytes(nb))
	for i := range src {
		src[i] = byte(rng.Uint32())
	}
	return src
}

// scaleAt computes (ws, wm), wm 0 where there is none, of a group and row straight from the definition.
func scaleAt(l *Layout, src []byte, g, r int) (w, m float32) {
	f16 := func(o int) float32 { return float16.Frombits(binary.LittleEndian.Uint16(src[o:])).Float32() }
	switch l.Scale {
	case ScaleD:
		w = f16(32*g + 2*r)
		return w, 0
	case ScaleDM:
		return f16(64*g + 2*r), f16(64*g + 32 + 2*r)
	case ScaleBF:
		w = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[32*g+2*r:])) << 16)
		return w, 0
	}
	per, size := 256/l.Group, 32+256/l.Group*16
	if l.Scale == ScaleKM {
		size *= 2
	}
	o, i := g/per*size, g%per
	if l.Scale == ScaleK {
		w = f16(o+2*r) * float32(int8(src[o+32+16*i+r]))
		return w, 0
	}
	return f16(o+2*r) * float32(src[o+64+32*i+r]), -(f16(o+32+2*r) * float32(src[o+64+32*i+16+r]))
}

// sameFloat compares bits, with all NaNs alike.
func sameFloat(a, b float32) bool {
	return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b
}
