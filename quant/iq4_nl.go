package quant

import "kvasir/kernels"

// IQ4_NL: 32 values in 18 bytes, laid out as Q4_0. value = d*T[nibble] with the
// non-linear table T. The kernels look codes up in T shifted to be unsigned.
var formatIQ4_NL = Format{
	Type: IQ4_NL, Name: "IQ4_NL", BlockValues: 32, BlockBytes: 18,
	Decode: decodeIQ4_NL,
	Layout: &kernels.Layout{Codes: kernels.Codes4, Scale: kernels.ScaleD, Group: 32, Zero: 128, LUT: &codesIQ4},
	pack:   packQ4_0,
}

var (
	tableIQ4 = [16]int8{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}
	codesIQ4 = shiftTable(tableIQ4, 128)
)

// shiftTable returns table + zero as unsigned codes.
func shiftTable(table [16]int8, zero int) (codes [16]byte) {
	for i, v := range table {
		codes[i] = byte(int(v) + zero)
	}
	return codes
}

func decodeIQ4_NL(dst []float32, src []byte) {
	for ; len(src) >= 18; src, dst = src[18:], dst[32:] {
		d := half(src)
		for j, q := range src[2:18] {
			dst[j] = d * float32(tableIQ4[q&15])
			dst[j+16] = d * float32(tableIQ4[q>>4])
		}
	}
}
