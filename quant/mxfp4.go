package quant

import (
	"math"

	"kvasir/kernels"
)

// MXFP4: 32 values in 17 bytes, an E8M0 exponent e, then E2M1 nibbles in the
// order of Q4_0 (OCP Microscaling Formats, version 1.0, section 5). The table
// holds twice the E2M1 values and the scale is half of E8M0: 2^(e-128).
var formatMXFP4 = Format{
	Type: MXFP4, Name: "MXFP4", BlockValues: 32, BlockBytes: 17,
	Decode: decodeMXFP4,
	Layout: &kernels.Layout{Codes: kernels.Codes4, Scale: kernels.ScaleBF, Group: 32, Zero: 16, LUT: &codesE2M1},
	pack:   packMXFP4,
}

var (
	tableE2M1 = [16]int8{0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12}
	codesE2M1 = shiftTable(tableE2M1, 16)
)

// halfE8M0 returns 2^(e-128) as bfloat16, exactly: e = 0 and 1 are subnormal.
// The NaN of the standard, e = 255, counts as 2^127, as in the reference.
func halfE8M0(e byte) uint16 {
	if e < 2 {
		return 0x20 << e
	}
	return uint16(e-1) << 7
}

func decodeMXFP4(dst []float32, src []byte) {
	for ; len(src) >= 17; src, dst = src[17:], dst[32:] {
		d := math.Float32frombits(uint32(halfE8M0(src[0])) << 16)
		for j, q := range src[1:17] {
			dst[j] = d * float32(tableE2M1[q&15])
			dst[j+16] = d * float32(tableE2M1[q>>4])
		}
	}
}

func packMXFP4(codes, scales, src []byte, lane int) {
	for ; len(src) >= 17; codes, scales, src = codes[256:], scales[32:], src[17:] {
		packNibbles(codes[:256], src[1:17], lane)
		le.PutUint16(scales[2*(lane&15):], halfE8M0(src[0]))
	}
}
