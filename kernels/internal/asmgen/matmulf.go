package main

import "fmt"

const (
	gemvFArgs = "gemvFArgs"
	gemmFArgs = "gemmFArgs"
)

// floats are the element types in the order of package kernels. Of paired ones, two
// of a row stand side by side and k counts the pairs.
var floats = []struct {
	name   string
	bytes  int
	paired bool
}{{"F32", 4, false}, {"F16", 2, false}, {"BF16", 2, true}}

// loadFloat emits the load of one register of elements as float32.
func loadFloat(a *asm, f int, src, dst string) {
	if floats[f].name == "F32" {
		a.i("VMOVUPS", src, dst)
	} else {
		half(a, src, dst)
	}
}

// loadPair emits the load of a register of bfloat16 pairs: even elements in low, odd
// ones in the upper halves of high, the rest of which mask clears.
func loadPair(a *asm, i *isa, src, low, high, mask string) {
	a.i(i.mov, src, high)
	a.i("VPSLLD", 16, high, low)
	a.i(i.and, mask, high, high)
}

func gemvFName(f, rowGroups int, i *isa) string {
	return fmt.Sprintf("gemv%sx%d%s", floats[f].name, 16*rowGroups, i.name)
}

func unpackFName(f int, i *isa) string { return "unpack" + floats[f].name + i.name }

func gemmFName(cols, rowGroups int, i *isa) string {
	return fmt.Sprintf("gemmF%dx%d%s", 16*rowGroups, cols, i.name)
}

func matmulfFile() []byte {
	a := &asm{}
	a.header(`GemvF, UnpackF, GemmF: float weights. A lane is a row; every output is one FMA
chain over ascending k.

GEMV: SI, R8, R9, R10 the row groups, DX x, DI out, CX k.
GEMM: SI panel, R10 bytes to the second row group, DX, BX x of columns 0 and 3, R12
bytes per column of x, DI, R13 out of columns 0 and 3, R11 bytes per column, CX k.`)
	for _, i := range []*isa{avx512, avx2} {
		for f := range floats {
			for rowGroups := 1; rowGroups <= 4; rowGroups++ {
				gemvF(a, i, f, rowGroups)
			}
			if f > 0 {
				unpackF(a, i, f)
			}
		}
		for rowGroups := 1; rowGroups <= maxRowGroupsF(i); rowGroups++ {
			for _, cols := range tileCols {
				gemmF(a, i, rowGroups, cols)
			}
		}
	}
	return a.bytes()
}

// maxRowGroupsF is how many row groups a float tile of 6 columns has room for.
func maxRowGroupsF(i *isa) int { return i.bytes / 32 }

func gemvF(a *asm, i *isa, f, rowGroups int) {
	ptr := []string{"SI", "R8", "R9", "R10"}[:rowGroups]
	n := i.halves()
	acc := func(g, h int) string { return i.r(g*n + h) }
	a.function(gemvFName(f, rowGroups, i), gemvFArgs, 0, fmt.Sprintf("%d rows of %s.", 16*rowGroups, floats[f].name))
	a.loads(gemvFArgs, "DI", "out", "SI", "w", "DX", "x", "CX", "k", "R11", "wStride")
	for g := 1; g < rowGroups; g++ {
		a.i("LEAQ", "("+ptr[g-1]+")(R11*1)", ptr[g])
	}
	for g := range rowGroups {
		for h := range n {
			a.i("VMOVUPS", mem(64*g+i.bytes*h, "DI"), acc(g, h))
		}
	}
	if floats[f].paired {
		gemvPairs(a, i, ptr, acc)
	} else {
		gemvValues(a, i, f, ptr, acc)
	}
	a.i("DECQ", "CX")
	a.i("JNE", "value")
	for g := range rowGroups {
		for h := range n {
			a.i("VMOVUPS", acc(g, h), mem(64*g+i.bytes*h, "DI"))
		}
	}
	a.i("VZEROUPPER")
	a.i("RET")
}

// gemvValues emits a step of one value per row.
func gemvValues(a *asm, i *isa, f int, ptr []string, acc func(g, h int) string) {
	n := i.halves()
	a.label("value")
	a.i("VBROADCASTSS", "(DX)", i.r(15))
	for g, p := range ptr {
		a.i("PREFETCHT0", mem(prefetchAhead/len(ptr)/64*64, p))
		for h := range n {
			w := i.r(8 + (g*n+h)%4)
			loadFloat(a, f, mem(floats[f].bytes*16/n*h, p), w)
			a.i("VFMADD231PS", i.r(15), w, acc(g, h))
		}
	}
	for _, p := range ptr {
		a.i("ADDQ", floats[f].bytes*16, p)
	}
	a.i("ADDQ", 4, "DX")
}

// gemvPairs emits a step of two bfloat16 values per row; register 13 is the mask.
func gemvPairs(a *asm, i *isa, ptr []string, acc func(g, h int) string) {
	n := i.halves()
	broadcast32(a, i, 0xffff0000, i.r(13))
	a.label("value")
	a.i("VBROADCASTSS", "(DX)", i.r(14))
	a.i("VBROADCASTSS", "4(DX)", i.r(15))
	for g, p := range ptr {
		a.i("PREFETCHT0", mem(prefetchAhead/len(ptr)/64*64, p))
		for h := range n {
			low, high := i.r(8+(g*n+h)%2*2), i.r(9+(g*n+h)%2*2)
			loadPair(a, i, mem(i.bytes*h, p), low, high, i.r(13))
			a.i("VFMADD231PS", i.r(14), low, acc(g, h))
			a.i("VFMADD231PS", i.r(15), high, acc(g, h))
		}
	}
	for _, p := range ptr {
		a.i("ADDQ", 64, p)
	}
	a.i("ADDQ", 8, "DX")
}

func unpackF(a *asm, i *isa, f int) {
	times := ""
	if floats[f].paired {
		times = "2·"
	}
	a.function(unpackFName(f, i), gemvFArgs, 0, fmt.Sprintf("out = %sk·16 elements of %s at w.", times, floats[f].name))
	a.loads(gemvFArgs, "DI", "out", "SI", "w", "CX", "k")
	if floats[f].paired {
		broadcast32(a, i, 0xffff0000, i.r(13))
	}
	a.label("value")
	for h := range i.halves() {
		if floats[f].paired {
			loadPair(a, i, mem(i.bytes*h, "SI"), i.r(2*h), i.r(2*h+1), i.r(13))
			a.i("VMOVUPS", i.r(2*h), mem(i.bytes*h, "DI"))
			a.i("VMOVUPS", i.r(2*h+1), mem(64+i.bytes*h, "DI"))
			continue
		}
		loadFloat(a, f, mem(i.bytes/2*h, "SI"), i.r(h))
		a.i("VMOVUPS", i.r(h), mem(i.bytes*h, "DI"))
	}
	step := 32
	if floats[f].paired {
		step = 64
	}
	a.i("ADDQ", step, "SI")
	a.i("ADDQ", 2*step, "DI")
	a.i("DECQ", "CX")
	a.i("JNE", "value")
	a.i("VZEROUPPER")
	a.i("RET")
}

// gemmF emits a tile: accumulators 0-11, weights 12 and 13, activations 14 and 15.
func gemmF(a *asm, i *isa, rowGroups, cols int) {
	n := rowGroups * i.halves() // registers per column
	acc := func(c, h int) string { return i.r(n*c + h) }
	a.function(gemmFName(cols, rowGroups, i), gemmFArgs, 0, fmt.Sprintf("%d rows, %d column(s).", 16*rowGroups, cols))
	a.loads(gemmFArgs, "DI", "out", "R11", "outStride", "SI", "panel", "R10", "panelStride",
		"DX", "x", "R12", "xStride", "CX", "k")
	a.i("LEAQ", "(R11)(R11*2)", "R13")
	a.i("ADDQ", "DI", "R13")
	a.i("LEAQ", "(R12)(R12*2)", "BX")
	a.i("ADDQ", "DX", "BX")
	for c := range cols {
		for h := range n {
			a.i("VMOVUPS", outMem(i.bytes*h, c), acc(c, h))
		}
	}
	a.label("value")
	for h := range n {
		if rowGroups == 2 {
			a.i("VMOVUPS", rowMem(0, h, "SI", "R10"), i.r(12+h))
		} else {
			a.i("VMOVUPS", mem(i.bytes*h, "SI"), i.r(12+h))
		}
	}
	for c := range cols {
		if n == 1 {
			a.i("VFMADD231PS.BCST", xMem(0, c), i.r(12), acc(c, 0))
			continue
		}
		x := i.r(14 + c%2)
		a.i("VBROADCASTSS", xMem(0, c), x)
		for h := range n {
			a.i("VFMADD231PS", x, i.r(12+h), acc(c, h))
		}
	}
	a.i("ADDQ", 64, "SI")
	a.i("ADDQ", 4, "DX")
	a.i("ADDQ", 4, "BX")
	a.i("DECQ", "CX")
	a.i("JNE", "value")
	for c := range cols {
		for h := range n {
			a.i("VMOVUPS", acc(c, h), outMem(i.bytes*h, c))
		}
	}
	a.i("VZEROUPPER")
	a.i("RET")
}

func matmulfStubs() []byte {
	s := newStubs()
	for _, i := range []*isa{avx512, avx2} {
		var gemv, unpack, gemm []string
		for f := range floats {
			for rowGroups := 1; rowGroups <= 4; rowGroups++ {
				gemv = append(gemv, gemvFName(f, rowGroups, i))
			}
			if f > 0 {
				unpack = append(unpack, unpackFName(f, i))
			}
		}
		for rowGroups := 1; rowGroups <= maxRowGroupsF(i); rowGroups++ {
			for _, cols := range tileCols {
				gemm = append(gemm, gemmFName(cols, rowGroups, i))
			}
		}
		for _, n := range append(append([]string(nil), gemv...), unpack...) {
			s.declare(n, gemvFArgs)
		}
		for _, n := range gemm {
			s.declare(n, gemmFArgs)
		}
		s.choose("gemvF"+i.name, gemvFArgs, "gemvF"+i.name+" runs variant 4·type + rowGroups-1.", gemv)
		s.choose("unpackF"+i.name, gemvFArgs, "unpackF"+i.name+" runs the variant of a type; F32 needs none.", append([]string{""}, unpack...))
		s.choose("gemmF"+i.name, gemmFArgs, "gemmF"+i.name+" runs variant 4·(rowGroups-1) + tile; tiles have 6, 4, 2 and 1 columns.", gemm)
	}
	return s.bytes()
}
