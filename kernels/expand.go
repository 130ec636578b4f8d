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
				w[r] = halfFloat(binary.LittleEndian.Uint16(src[b*32+2*r:]))
				m[r] = -float32(l.Zero * w[r])
			case ScaleBF:
				w[r] = brainFloat(binary.LittleEndian.Uint16(src[b*32+2*r:]))
				m[r] = -float32(l.Zero * w[r])
			default:
				w[r] = halfFloat(binary.LittleEndian.Uint16(src[b*64+2*r:]))
				m[r] = halfFloat(binary.LittleEndian.Uint16(src[b*64+32+2*r:]))
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
			d[r] = halfFloat(binary.LittleEndian.Uint16(src[2*r:]))
		}
		src = src[32:]
		if l.Scale == ScaleKM {
			for r := range RowGroup {
				dmin[r] = halfFloat(binary.LittleEndian.Uint16(src[2*r:]))
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

// halfFloat converts an IEEE 754 binary16 bit pattern.
func halfFloat(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exp := uint32(h>>10) & 31
	frac := uint32(h & 0x3ff)
	switch exp {
	case 0: // zero and subnormals: frac·2⁻²⁴ is exact
		v := float32(frac) * 0x1p-24
		return math.Float32frombits(math.Float32bits(v) | sign)
	case 31: // infinities; NaNs become quiet, as the hardware conversion does
		if frac != 0 {
			frac |= 0x200
		}
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}

// brainFloat converts a bfloat16 bit pattern.
func brainFloat(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }
