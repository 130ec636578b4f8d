package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// testBlocks are the row lengths, in k blocks, that the quantized kernels are tested at.
var testBlocks = []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 72}

// testLUT has both extremes and no order.
var testLUT = [16]byte{255, 0, 7, 128, 127, 1, 241, 64, 33, 200, 99, 15, 16, 254, 3, 180}

// testLayouts lists every layout that kernels exist for.
func testLayouts() []*Layout {
	zeros := [...]uint8{Codes2: 1, Codes3: 4, Codes4: 8, Codes5: 16, Codes6: 32, Codes8: 128}
	var all []*Layout
	for p, codes := range []Codes{Codes2, Codes3, Codes4, Codes5, Codes6, Codes8, Codes4} {
		for kind, form := range forms[p] {
			if form == 0 {
				continue
			}
			l := &Layout{Codes: codes, Scale: ScaleKind(kind), Group: 32, Zero: zeros[codes]}
			if form >= firstFine {
				l.Group = 16
			}
			if p == 6 {
				l.LUT, l.Zero = &testLUT, []uint8{ScaleD: 128, ScaleBF: 16, ScaleK: 2}[kind]
				if l.Zero < 128 {
					low := testLUT
					for i, u := range low {
						low[i] = min(u, 127+l.Zero)
					}
					l.LUT = &low
				}
			}
			if l.hasMin() {
				l.Zero = 0
			}
			all = append(all, l)
		}
	}
	return all
}

func layoutName(l *Layout) string {
	lut := ""
	if l.LUT != nil {
		lut = "lut"
	}
	return fmt.Sprintf("codes%d%s/s%d/g%d", l.Codes, lut, l.Scale, l.Group)
}

// codeAt decodes the code of row r at value k of a row group, straight from the
// definition of the packings.
func codeAt(l *Layout, codes []byte, r, k int) int32 {
	p := codes[k/KBlock*64*int(l.Codes):]
	t, i := k%KBlock/4, 4*r+k%4
	nibble := func() byte { return p[64*(t/2)+i] >> (4 * (t % 2)) & 15 }
	pair := func(p []byte) byte { return p[64*(t/4)+i] >> (2 * (t % 4)) & 3 }
	bit := func(p []byte) byte { return p[i] >> t & 1 }
	switch l.Codes {
	case Codes2:
		return int32(pair(p))
	case Codes3:
		return int32(pair(p) | bit(p[128:])<<2)
	case Codes4:
		if l.LUT != nil {
			return int32(l.LUT[nibble()])
		}
		return int32(nibble())
	case Codes5:
		return int32(nibble() | bit(p[256:])<<4)
	case Codes6:
		return int32(nibble() | pair(p[256:])<<4)
	}
	return int32(p[64*t+i])
}

// qCase is one random product: packed codes, scales and cols activation rows.
type qCase struct {
	l          *Layout
	nb, planes int
	codes, x   []byte
	ws, wm     []float32
	xStride    int
}

// values fill codes and activations: mode 0 random, 1 all extremes of one sign,
// 2 extremes of both signs, 3 sparse with zero blocks.
func (c *qCase) fill(rng *rand.Rand, mode int, steps func(i int) float32) {
	for i := range c.codes {
		c.codes[i] = byte(rng.Uint32())
		if mode == 1 || mode == 2 {
			c.codes[i] = 255
		}
	}
	cols := len(c.x) / c.xStride
	limit := int32(maxQ1)
	if c.planes == 2 {
		limit = maxQ2
	}
	d, q := make([]float32, c.nb), make([]int32, c.nb*KBlock)
	for col := range cols {
		for i := range d {
			d[i] = steps(i)
		}
		for i := range q {
			switch v := rng.Int32N(2*limit+1) - limit; mode {
			case 1:
				q[i] = limit * int32(1-col%2*2)
			case 2:
				q[i] = limit * (1 - 2*(v&1))
			case 3:
				q[i] = v * int32(i/KBlock%2)
			default:
				q[i] = v
			}
		}
		putX(c.x[col*c.xStride:], c.planes, d, q)
	}
}

// newCase makes buffers with guard bands, off bytes beyond alignment.
func newCase(t testing.TB, l *Layout, nb, planes, cols, off int) *qCase {
	c := &qCase{l: l, nb: nb, planes: planes, xStride: XBytes(nb, planes) + 16*(cols&1)}
	c.codes = guarded[byte](t, l.CodeBytes(nb), off)
	c.x = guarded[byte](t, c.xStride*cols, off)
	c.ws = guarded[float32](t, l.Groups(nb)*RowGroup, off)
	if c.wm = guarded[float32](t, l.Groups(nb)*RowGroup, off); !l.hasMin() {
		staleMinima(c.wm)
	}
	return c
}

// staleMinima fills the minima of a layout that has none: no product may read them.
func staleMinima(wm []float32) {
	for i := range wm {
		wm[i] = float32(math.NaN())
	}
}

// want returns the product of row r and column col in float64 and the sum of the
// absolute values of its terms.
func (c *qCase) want(r, col int) (sum, abs float64) {
	x := c.x[col*c.xStride:]
	for g := range c.l.Groups(c.nb) {
		k0 := g * c.l.Group
		var isum, qsum int64
		for k := k0; k < k0+c.l.Group; k++ {
			isum += (int64(codeAt(c.l, c.codes, r, k)) - int64(c.l.Zero)) * int64(xAt(x, c.planes, k))
			qsum += int64(xAt(x, c.planes, k))
		}
		d := xHead(x[k0/KBlock*xBlock(c.planes):]).d
		a, m := float64(isum)*float64(c.ws[g*RowGroup+r])*float64(d), 0.0
		if c.l.hasMin() {
			m = float64(c.wm[g*RowGroup+r]) * float64(d) * float64(qsum)
		}
		sum += a + m
		abs += math.Abs(a) + math.Abs(m)
	}
	return sum, abs
}

// randomScales sets scales of mixed signs and sizes, with zeros and subnormals.
func (c *qCase) randomScales(rng *rand.Rand) {
	for i := range c.ws {
		c.ws[i] = float32(rng.NormFloat64()) * 0.02
		switch rng.IntN(16) {
		case 0:
			c.ws[i] = 0
		case 1:
			c.ws[i] = math.Float32frombits(rng.Uint32() & 0x807fffff)
		}
	}
	for i := range c.wm {
		if !c.l.hasMin() {
			break
		}
		if c.wm[i] = float32(rng.NormFloat64()) * 0.3; rng.IntN(16) == 0 {
			c.wm[i] = 0
		}
	}
}

func TestGemvQInteger(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		for _, l := range testLayouts() {
			for _, planes := range []int{1, 2} {
				for mode := range 4 {
					rng := rand.New(rand.NewPCG(uint64(l.Codes), uint64(mode)))
					for i, nb := range testBlocks {
						testGemvQInteger(t, rng, newCase(t, l, nb, planes, 1, i*7%32), mode)
					}
				}
			}
		}
	})
}

// testGemvQInteger checks one group's exact integer sum at a time: its scale is 1
// and all others 0, so no rounding can hide an error (all sums are below 2²⁴ in
// magnitude for one plane; beyond that float32 conversion rounds once).
func testGemvQInteger(t *testing.T, rng *rand.Rand, c *qCase, mode int) {
	c.fill(rng, mode, func(int) float32 { return 1 })
	out := guarded[float32](t, RowGroup, 1)
	groups := c.l.Groups(c.nb)
	for _, g := range []int{0, groups / 2, groups - 1} {
		clear(c.ws)
		for r := range RowGroup {
			c.ws[g*RowGroup+r] = 1
		}
		GemvQ(out, c.l, c.codes, c.ws, c.wm, c.x, c.nb, c.planes)
		for r := range RowGroup {
			var isum int64
			for k := g * c.l.Group; k < (g+1)*c.l.Group; k++ {
				isum += (int64(codeAt(c.l, c.codes, r, k)) - int64(c.l.Zero)) * int64(xAt(c.x, c.planes, k))
			}
			require.Equal(t, float32(isum), out[r], "%s planes %d nb %d mode %d group %d row %d",
				layoutName(c.l), c.planes, c.nb, mode, g, r)
		}
	}
}

func TestGemvQ(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		for _, l := range testLayouts() {
			for _, planes := range []int{1, 2} {
				rng := rand.New(rand.NewPCG(uint64(l.Codes), 7))
				for i, nb := range append(testBlocks, gemvPiece+3) {
					c := newCase(t, l, nb, planes, 1, i*5%32)
					c.fill(rng, i%4, func(int) float32 { return float32(rng.ExpFloat64()) * 0.01 })
					c.randomScales(rng)
					out := guarded[float32](t, RowGroup, 3)
					GemvQ(out, l, c.codes, c.ws, c.wm, c.x, nb, planes)
					for r, got := range out {
						want, abs := c.want(r, 0)
						tol := (float64(2*l.Groups(nb))+4)*0x1p-24*abs + 1e-38 // products of subnormal scales lose bits
						require.InDelta(t, want, float64(got), tol, "%s planes %d nb %d row %d", layoutName(l), planes, nb, r)
					}
				}
			}
		}
	})
}

// TestGemmQMatchesGemvQ holds both to the same bits for every column count.
func TestGemmQMatchesGemvQ(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		for _, l := range testLayouts() {
			for _, planes := range []int{1, 2} {
				rng := rand.New(rand.NewPCG(uint64(l.Codes), 9))
				for cols := 1; cols <= 13; cols++ {
					nb := testBlocks[cols%9]
					testGemmQ(t, rng, l, nb, planes, cols)
				}
				testGemmQ(t, rng, l, 72, planes, 7)
			}
		}
		for i := range 2 {
			testGemmQ(t, rand.New(rand.NewPCG(1, 1)), testLayouts()[i], gemmPiece+5, 1, 8)
		}
	})
}

func testGemmQ(t *testing.T, rng *rand.Rand, l *Layout, nb, planes, cols int) {
	a, b := newCase(t, l, nb, planes, cols, cols), newCase(t, l, nb, planes, 1, 0)
	for _, c := range []*qCase{a, b} {
		c.fill(rng, cols%4, func(int) float32 { return float32(rng.ExpFloat64()) * 0.01 })
		c.randomScales(rng)
	}
	panel := guarded[byte](t, 2*nb*unpackedBlock, 5)
	UnpackQ(panel, l, a.codes, nb)
	UnpackQ(panel[nb*unpackedBlock:], l, b.codes, nb)
	n := len(a.ws)
	ws, wm := guarded[float32](t, 2*n, 2), a.wm
	copy(ws[copy(ws, a.ws):], b.ws)
	if wm != nil {
		wm = guarded[float32](t, 2*n, 1)
		copy(wm[copy(wm, a.wm):], b.wm)
	}
	x := a.x[:(cols-1)*a.xStride+XBytes(nb, planes)]
	if planes == 2 {
		for c := range cols {
			mixFine(rng, x[c*a.xStride:], nb)
		}
	}
	for rowGroups := 1; rowGroups <= 2; rowGroups++ {
		rows := rowGroups * RowGroup
		ldo := rows + 3
		got := guarded[float32](t, (cols-1)*ldo+rows, 1)
		fillPattern(got)
		GemmQ(got, ldo, &Panel{l, rowGroups, nb, panel[:rowGroups*nb*unpackedBlock], ws[:rowGroups*n], wm[:min(rowGroups*n, len(wm))], a.codes},
			x, a.xStride, cols, planes)
		var want [RowGroup]float32
		for c := range cols {
			for g, w := range []*qCase{a, b}[:rowGroups] {
				GemvQ(want[:], l, w.codes, w.ws, w.wm, x[c*a.xStride:], nb, planes)
				require.Equal(t, want[:], got[c*ldo+g*RowGroup:][:RowGroup], "%s planes %d nb %d cols %d column %d group %d",
					layoutName(l), planes, nb, cols, c, g)
			}
			if c+1 < cols {
				require.Equal(t, []float32{patternFloat, patternFloat, patternFloat}, got[c*ldo+rows:(c+1)*ldo], "gap written")
			}
		}
	}
}

const patternFloat = -12345

func fillPattern(x []float32) {
	for i := range x {
		x[i] = patternFloat
	}
}

func TestUnpackQ(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(3, 3))
		for _, l := range testLayouts() {
			for i, nb := range append(testBlocks, unpackPiece+2) {
				src := make([]byte, l.CodeBytes(nb))
				for j := range src {
					src[j] = byte(rng.Uint32())
				}
				codes := guardedCopy(t, src, i*3)
				dst := guarded[byte](t, nb*unpackedBlock, i*5)
				UnpackQ(dst, l, codes, nb)
				for j, got := range dst {
					k := j/chunkBytes*4 + j%4
					if want := codeAt(l, codes, j%chunkBytes/4, k) + int32(panelBias(l)); want != int32(got) {
						t.Fatalf("%s nb %d byte %d: got %d, want %d", layoutName(l), nb, j, got, want)
					}
				}
			}
		}
	})
}
