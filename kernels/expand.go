package kernels

import (
	"encoding/binary"
	"math"
)

// ExpandScales turns the scale stream src of one row group into the float32 pairs
// (ws, wm) that GemvQ and GemmQ read: ws and wm are [l.Groups(nb)][16]. For the K
// kinds nb is normally a multiple of 8; otherwise the rest of the last super-block
// is ignored. All levels write the same values.
func ExpandScales(l *Layout, ws, wm []float32, src []byte, nb int) {
	checkGroup(l.Group)
	if l.Group == 16 && l.Scale != ScaleK && l.Scale != ScaleKM {
		panic("kernels: groups of 16 need a super-block scale kind")
	}
	n := l.Groups(nb) * RowGroup
	checkLen("ExpandScales", "ws", len(ws), n)
	checkLen("ExpandScales", "wm", len(wm), n)
	checkLen("ExpandScales", "src", len(src), l.ScaleBytes(nb))
	if nb == 0 {
		return
	}
	if expandAsm(l, ws, wm, src, nb) {
		return
	}
	expandGeneric(l, ws, wm, src, nb)
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
		w, m := ws[b*16:b*16+16], wm[b*16:b*16+16]
		for r := range RowGroup {
			switch l.Scale {
			case ScaleD:
				w[r] = f16Value(binary.LittleEndian.Uint16(src[b*32+2*r:]))
				m[r] = -float32(l.Zero * w[r])
			case ScaleBF:
				w[r] = brainFloat(binary.LittleEndian.Uint16(src[b*32+2*r:]))
				m[r] = -float32(l.Zero * w[r])
			default:
				w[r] = f16Value(binary.LittleEndian.Uint16(src[b*64+2*r:]))
				m[r] = f16Value(binary.LittleEndian.Uint16(src[b*64+32+2*r:]))
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
				expandGroup(l, ws[o:o+RowGroup], wm[o:o+RowGroup], src, &d, &dmin)
			}
			if l.Scale == ScaleKM {
				src = src[RowGroup:]
			}
			src = src[RowGroup:]
		}
	}
}

func expandGroup(l *Layout, w, m []float32, src []byte, d, dmin *[RowGroup]float32) {
	for r := range RowGroup {
		if l.Scale == ScaleK {
			w[r] = d[r] * float32(int8(src[r]))
			m[r] = -float32(l.Zero * w[r])
		} else {
			w[r] = d[r] * float32(src[r])
			m[r] = -float32(dmin[r] * float32(src[RowGroup+r]))
		}
	}
}

// brainFloat converts a bfloat16 bit pattern.
func brainFloat(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }
