package kernels

import (
	"encoding/binary"
	"math"
)

// ExpandScales turns the scale stream src of one row group into the float32 scales
// that GemvQ and GemmQ read: ws and wm are [l.Groups(nb)][16]; wm is neither written
// nor read where the scale kind has no minimum, and may be nil. For the K kinds nb is
// normally a multiple of 8; otherwise the rest of the last super-block is ignored. All
// levels write the same values.
func ExpandScales(l *Layout, ws, wm []float32, src []byte, nb int) {
	l.check()
	checkScales("ExpandScales", l, ws, wm, l.Groups(nb)*RowGroup)
	checkLen("ExpandScales", "src", len(src), l.ScaleBytes(nb))
	if nb == 0 {
		return
	}
	if expandAsm(l, ws, wm, src, nb) {
		return
	}
	expandGeneric(l, ws, wm, src, nb)
}

// checkScales panics unless ws, and wm where l has minima, have n values.
func checkScales(op string, l *Layout, ws, wm []float32, n int) {
	checkLen(op, "ws", len(ws), n)
	if l.hasMin() {
		checkLen(op, "wm", len(wm), n)
	}
}

func expandGeneric(l *Layout, ws, wm []float32, src []byte, nb int) {
	switch l.Scale {
	case ScaleD, ScaleDM, ScaleBF:
		expandBlocks(l, ws, wm, src, nb)
	case ScaleK, ScaleKM:
		expandSuper(l, ws, wm, src, nb)
	}
}

// expandBlocks handles the kinds with a scale per 32 values.
func expandBlocks(l *Layout, ws, wm []float32, src []byte, nb int) {
	for b := range nb {
		w := ws[b*16 : b*16+16]
		for r := range RowGroup {
			switch l.Scale {
			case ScaleD:
				w[r] = f16Value(binary.LittleEndian.Uint16(src[b*32+2*r:]))
			case ScaleBF:
				w[r] = brainFloat(binary.LittleEndian.Uint16(src[b*32+2*r:]))
			default:
				w[r] = f16Value(binary.LittleEndian.Uint16(src[b*64+2*r:]))
				wm[b*16+r] = f16Value(binary.LittleEndian.Uint16(src[b*64+32+2*r:]))
			}
		}
	}
}

// expandSuper handles the kinds with an f16 scale per 256 values and integer
// scales per group.
func expandSuper(l *Layout, ws, wm []float32, src []byte, nb int) {
	perSuper := 256 / l.Group
	groups := l.Groups(nb)
	var d, dmin [RowGroup]float32
	for g0 := 0; g0 < groups; g0 += perSuper {
		for r := range RowGroup {
			d[r] = f16Value(binary.LittleEndian.Uint16(src[2*r:]))
		}
		src = src[32:]
		if l.Scale == ScaleKM {
			for r := range RowGroup {
				dmin[r] = f16Value(binary.LittleEndian.Uint16(src[2*r:]))
			}
			src = src[32:]
		}
		for g := range perSuper {
			if g0+g < groups {
				o := (g0 + g) * RowGroup
				for r := range RowGroup {
					ws[o+r] = d[r] * groupScale(l, src[r])
					if l.Scale == ScaleKM {
						wm[o+r] = -float32(dmin[r] * float32(src[RowGroup+r]))
					}
				}
			}
			if l.Scale == ScaleKM {
				src = src[RowGroup:]
			}
			src = src[RowGroup:]
		}
	}
}

// groupScale converts the integer scale of a group, signed in ScaleK.
func groupScale(l *Layout, sc byte) float32 {
	if l.Scale == ScaleK {
		return float32(int8(sc))
	}
	return float32(sc)
}

// brainFloat converts a bfloat16 bit pattern.
func brainFloat(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }
