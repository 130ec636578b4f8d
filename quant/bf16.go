package quant

import "kvasir/kernels"

var formatBF16 = Format{
	Type: BF16, Name: "BF16", BlockValues: 1, BlockBytes: 2,
	Decode: func(dst []float32, src []byte) { kernels.BF16ToF32(dst[:len(src)/2], src) },
	Float:  kernels.BF16,
	pack:   packElements2,
}
