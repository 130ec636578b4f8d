//go:build amd64 && !purego

package kernels

import "unsafe"

// Argument structs of the generated float kernels; strides are in bytes.

type gemvFArgs struct {
	out     *float32 // accumulators, or the result of unpacking
	w       *byte
	x       *float32
	k       int // values, or pairs of bfloat16
	wStride int
}

type gemmFArgs struct {
	out         *float32 // accumulators
	outStride   int
	panel       *float32
	panelStride int
	x           *float32
	xStride     int
	k           int
}

func gemvFAsm(out []float32, f Float, w []byte, rowGroups, wStride int, x []float32) bool {
	if level < AVX2 {
		return false
	}
	variant, per := 4*int(f)+rowGroups-1, f.perStep()
	for k := 0; k < len(x); k += gemvFPiece {
		a := gemvFArgs{
			out: &out[0], w: &w[f.GroupBytes(k)], x: &x[k],
			k: min(gemvFPiece, len(x)-k) / per, wStride: wStride,
		}
		if level >= AVX512 {
			gemvFAVX512(&a, variant)
		} else {
			gemvFAVX2(&a, variant)
		}
	}
	return true
}

func unpackFAsm(dst []float32, f Float, w []byte, k int) bool {
	if level < AVX2 {
		return false
	}
	if f == F32 {
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&dst[0])), 4*k*RowGroup), w)
		return true
	}
	for i := 0; i < k; i += gemvFPiece {
		a := gemvFArgs{out: &dst[i*RowGroup], w: &w[f.GroupBytes(i)], k: min(gemvFPiece, k-i) / f.perStep()}
		if level >= AVX512 {
			unpackFAVX512(&a, int(f))
		} else {
			unpackFAVX2(&a, int(f))
		}
	}
	return true
}

func gemmFAsm(out []float32, ldo int, panel []float32, rowGroups int, x []float32, xStride, k, cols int) bool {
	if level < AVX2 {
		return false
	}
	for i := 0; i < k; i += gemmFPiece {
		a := gemmFArgs{
			outStride: 4 * ldo, panelStride: 4 * k * RowGroup, xStride: 4 * xStride,
			k: min(gemmFPiece, k-i),
		}
		tile := 0
		for c := 0; c < cols; c += tileWidths[tile] {
			for tileWidths[tile] > cols-c {
				tile++
			}
			a.x = &x[c*xStride+i]
			gemmFTile(a, out[c*ldo:], panel[i*RowGroup:], rowGroups, k, tile)
		}
	}
	return true
}

// gemmFTile runs one column tile; AVX2 has registers for one row group at a time.
func gemmFTile(a gemmFArgs, out, panel []float32, rowGroups, k, tile int) {
	if level >= AVX512 {
		a.out, a.panel = &out[0], &panel[0]
		gemmFAVX512(&a, 4*(rowGroups-1)+tile)
		return
	}
	for g := range rowGroups {
		a.out, a.panel = &out[g*RowGroup], &panel[g*k*RowGroup]
		gemmFAVX2(&a, tile)
	}
}
