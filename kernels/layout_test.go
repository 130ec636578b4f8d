package kernels

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLayoutSizes(t *testing.T) {
	for _, tc := range []struct {
		l                    Layout
		nb                   int
		codes, scale, groups int
	}{
		{Layout{Codes: Codes4, Scale: ScaleD, Group: 32}, 3, 3 * 256, 3 * 32, 3},
		{Layout{Codes: Codes4, Scale: ScaleDM, Group: 32}, 18, 18 * 256, 18 * 64, 18},
		{Layout{Codes: Codes8, Scale: ScaleD, Group: 32}, 1, 512, 32, 1},
		{Layout{Codes: Codes4, Scale: ScaleBF, Group: 32}, 2, 512, 64, 2},
		{Layout{Codes: Codes4, Scale: ScaleKM, Group: 32}, 8, 2048, 64 + 8*32, 8},
		{Layout{Codes: Codes5, Scale: ScaleKM, Group: 32}, 16, 16 * 320, 2 * (64 + 8*32), 16},
		{Layout{Codes: Codes6, Scale: ScaleK, Group: 16}, 8, 8 * 384, 32 + 16*16, 16},
		{Layout{Codes: Codes2, Scale: ScaleKM, Group: 16}, 9, 9 * 128, 2 * (64 + 16*32), 18},
		{Layout{Codes: Codes3, Scale: ScaleK, Group: 16}, 1, 192, 32 + 16*16, 2},
		{Layout{Codes: Codes8, Scale: ScaleDM, Group: 32}, 0, 0, 0, 0},
	} {
		require.Equal(t, tc.codes, tc.l.CodeBytes(tc.nb), "%+v", tc)
		require.Equal(t, tc.scale, tc.l.ScaleBytes(tc.nb), "%+v", tc)
		require.Equal(t, tc.groups, tc.l.Groups(tc.nb), "%+v", tc)
	}
}

// TestMisuse: a caller's broken invariant panics before any memory is touched.
func TestMisuse(t *testing.T) {
	l := &Layout{Codes: Codes4, Group: 32, Zero: 8}
	out, ws := make([]float32, 64), make([]float32, 64)
	codes, x := make([]byte, 1024), make([]byte, 1024)
	for name, f := range map[string]func(){
		"codes short":     func() { GemvQ(out, l, codes[:255], ws, ws, x, 1, 1) },
		"x short":         func() { GemvQ(out, l, codes, ws, ws, x[:47], 1, 1) },
		"ws short":        func() { GemvQ(out, l, codes, ws[:15], ws, x, 1, 1) },
		"out short":       func() { GemvQ(out[:15], l, codes, ws, ws, x, 1, 1) },
		"scales, packed":  func() { GemvPacked(out, l, codes, codes[:31], x, 1, 1) },
		"planes":          func() { GemvQ(out, l, codes, ws, ws, x, 1, 3) },
		"bits":            func() { GemvQ(out, &Layout{Codes: 7, Group: 32, Zero: 8}, codes, ws, ws, x, 1, 1) },
		"group":           func() { GemvQ(out, &Layout{Codes: Codes4, Group: 64, Zero: 8}, codes, ws, ws, x, 1, 1) },
		"lut":             func() { UnpackQ(codes, &Layout{Codes: Codes8, Group: 32, Zero: 128, LUT: &testLUT}, x, 1) },
		"panel short":     func() { GemmQ(out, 16, &Panel{l, 2, 1, codes[:1023], ws, nil, nil}, x, 48, 2, 1) },
		"columns short":   func() { GemmQ(out, 16, &Panel{l, 1, 1, codes, ws, nil, nil}, x[:95], 48, 2, 1) },
		"ldo":             func() { GemmQ(out, 15, &Panel{l, 1, 1, codes, ws, nil, nil}, x, 48, 2, 1) },
		"no columns":      func() { GemmQ(out, 16, &Panel{l, 1, 1, codes, ws, nil, nil}, x, 48, 0, 1) },
		"row groups":      func() { GemmQ(out, 16, &Panel{l, 3, 1, codes, ws, nil, nil}, x, 48, 1, 1) },
		"length":          func() { QuantX(x, out[:31], 1) },
		"dst short":       func() { QuantX(x[:47], out[:32], 1) },
		"scales short":    func() { ExpandScales(l, out, ws, codes[:31], 1) },
		"group of 16":     func() { ExpandScales(&Layout{Codes: Codes4, Scale: ScaleD, Group: 16, Zero: 8}, out, ws, codes, 1) },
		"wm missing":      func() { GemvQ(out, &Layout{Codes: Codes4, Scale: ScaleDM, Group: 32}, codes, ws, nil, x, 1, 1) },
		"zero missing":    func() { GemvQ(out, &Layout{Codes: Codes4, Group: 32}, codes, ws, ws, x, 1, 1) },
		"zero not 2^n":    func() { GemvQ(out, &Layout{Codes: Codes4, Group: 32, Zero: 12}, codes, ws, ws, x, 1, 1) },
		"zero and min":    func() { GemvQ(out, &Layout{Codes: Codes4, Scale: ScaleDM, Group: 32, Zero: 8}, codes, ws, ws, x, 1, 1) },
		"packing":         func() { GemvQ(out, &Layout{Codes: Codes6, Scale: ScaleDM, Group: 32}, codes, ws, ws, x, 1, 1) },
		"float weights":   func() { GemvF(out, F16, codes[:1023], 2, 512, out[:16]) },
		"float type":      func() { UnpackF(out, 3, codes, 1) },
		"float panel":     func() { GemmF(out, 16, ws[:15], 1, out, 1, 1, 1) },
		"bf16 weights":    func() { GemmBF16(out, 16, codes[:127], 2, 64, x, 4, 1, 1) },
		"bf16 columns":    func() { GemmBF16(out, 16, codes, 1, 0, x[:7], 4, 1, 2) },
		"float rowGroups": func() { GemvF(out, F32, codes, 5, 16, out[:1]) },
	} {
		require.Panics(t, f, name)
	}
}

func TestEmptyProducts(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		out := make([]float32, 32)
		fillPattern(out)
		GemvQ(out, &Layout{Codes: Codes5, Group: 32, Zero: 16}, nil, nil, nil, nil, 0, 1)
		require.Equal(t, make([]float32, 16), out[:16])
		GemmQ(out, 16, &Panel{Layout: &Layout{Codes: Codes6, Scale: ScaleK, Group: 16, Zero: 32}, RowGroups: 1}, nil, 0, 2, 2)
		require.Equal(t, make([]float32, 32), out)
		fillPattern(out)
		GemvF(out, F16, nil, 1, 0, nil)
		require.Equal(t, make([]float32, 16), out[:16])
		GemmF(out, 16, nil, 1, nil, 0, 0, 2)
		require.Equal(t, make([]float32, 32), out)
		fillPattern(out)
		GemvPacked(out, &Layout{Codes: Codes6, Scale: ScaleK, Group: 16, Zero: 32}, nil, nil, nil, 0, 1)
		require.Equal(t, make([]float32, 16), out[:16])
		QuantX(nil, nil, 2)
		UnpackQ(nil, &Layout{Codes: Codes2, Scale: ScaleKM, Group: 16}, nil, 0)
		fillPattern(out)
		GemmBF16(out, 16, nil, 1, 0, nil, 0, 0, 2)
		require.Equal(t, make([]float32, 32), out)
		UnpackF(nil, BF16, nil, 0)
		ExpandScales(&Layout{Codes: Codes8, Group: 32, Zero: 128}, nil, nil, nil, 0)
	})
}
