package kernels

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// quantInputs are rows of one kind of value each.
func quantInputs(rng *rand.Rand, n int) map[string][]float32 {
	in := map[string][]float32{}
	add := func(name string, f func(i int) float32) {
		v := make([]float32, n)
		for i := range v {
			v[i] = f(i)
		}
		in[name] = v
	}
	add("normal", func(int) float32 { return float32(rng.NormFloat64()) })
	add("zero", func(int) float32 { return 0 })
	add("negative zero", func(int) float32 { return float32(math.Copysign(0, -1)) })
	add("outlier", func(i int) float32 { return float32(rng.NormFloat64() * math.Pow(100, float64(i%32/31))) })
	add("halves", func(i int) float32 { return float32(i%32*8+1) / 2 })
	add("huge", func(int) float32 { return math.MaxFloat32 * (2*rng.Float32() - 1) })
	add("tiny", func(i int) float32 { return 0x1p-120 * float32(rng.NormFloat64()) })
	add("subnormal", func(i int) float32 { return math.Float32frombits(rng.Uint32() & 0x807fffff) })
	add("mixed blocks", func(i int) float32 { return float32(rng.NormFloat64()) * float32(i/32%2) })
	add("any bits", func(int) float32 { return math.Float32frombits(rng.Uint32()) })
	add("infinity", func(i int) float32 {
		if i%97 == 5 {
			return float32(math.Inf(-1))
		}
		return 1
	})
	add("nan", func(i int) float32 {
		if i%97 == 40 {
			return float32(math.NaN())
		}
		return -1
	})
	return in
}

func TestQuantX(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(11, 1))
		for i, nb := range append(testBlocks, quantPiece+1) {
			for name, v := range quantInputs(rng, nb*KBlock) {
				for _, planes := range []int{1, 2} {
					src := guardedCopy(t, v, i)
					dst := guarded[byte](t, XBytes(nb, planes), i*3)
					QuantX(dst, src, planes)
					for b := range nb {
						checkQuantBlock(t, name, dst[b*xBlock(planes):(b+1)*xBlock(planes)], src[b*KBlock:][:KBlock], planes)
					}
					twin := make([]byte, len(dst))
					quantTwin(twin, src, planes, allFine)
					for j := 0; j < len(dst); j += 4 {
						d := le32(dst[j:])
						if w := le32(twin[j:]); d != w && !(isNaN32(d) && isNaN32(w) && j%xBlock(planes) < xHeader) {
							t.Fatalf("%s planes %d nb %d offset %d: %#x, twin %#x", name, planes, nb, j, d, w)
						}
					}
				}
			}
		}
	})
}

// The largest |q|.
const (
	maxQ1 = 127
	maxQ2 = 127 * 128
)

// quantTwin quantizes with the Go twin.
func quantTwin(dst []byte, src []float32, planes int, coarse int64) {
	size := xBlock(planes)
	for b := range len(src) / KBlock {
		block, x := dst[b*size:(b+1)*size], src[b*KBlock:(b+1)*KBlock]
		binary.LittleEndian.PutUint32(block, math.Float32bits(blockStep(x, maxQ(planes))))
		quantBlock(block, x, planes, coarse)
	}
}

func le32(b []byte) uint32 {
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}

func isNaN32(b uint32) bool { return b&0x7fffffff > 0x7f800000 }

// checkQuantBlock checks one block against the definition.
func checkQuantBlock(t *testing.T, name string, x []byte, src []float32, planes int) {
	t.Helper()
	maxQ := float64(maxQ1)
	if planes == 2 {
		maxQ = maxQ2
	}
	amax, finite := 0.0, true
	for _, v := range src {
		amax = max(amax, math.Abs(float64(v)))
		finite = finite && math.Abs(float64(v)) <= math.MaxFloat32
	}
	h := xHead(x)
	d := h.d
	if !finite {
		require.True(t, d != d || math.IsInf(float64(d), 0), "%s: step %v of a block that is not finite", name, d)
		require.True(t, h.s != h.s && h.n == 0 && h.n0 == 0, "%s: sums %+v of a block that is not finite", name, h)
		return
	}
	if want := float32(amax / maxQ); want < minNormal {
		require.Zero(t, d, name)
	} else {
		require.InEpsilon(t, want, d, 0x1p-23, name)
	}
	var sum [2]int32
	for k, v := range src {
		q := xAt(x, planes, k)
		sum[k/16] += q
		// Plain comparisons: this runs for millions of elements.
		if off := math.Abs(float64(v) - float64(d)*float64(q)); d != 0 && off > float64(d)*(0.5+maxQ*0x1p-22) {
			t.Fatalf("%s planes %d: %v became %d·%v", name, planes, v, q, d)
		}
		if math.Abs(float64(q)) > maxQ || d == 0 && q != 0 {
			t.Fatalf("%s planes %d: value %d with step %v", name, planes, q, d)
		}
		if lo := int8(x[len(x)-KBlock+k]); planes == 2 && (lo < -64 || lo > 63) {
			t.Fatalf("%s: low plane %d", name, lo)
		}
	}
	require.Equal(t, headOf(d, sum), h, name)
}

// headOf is the header of a block with step d and the sums of its halves.
func headOf(d float32, sum [2]int32) blockHead {
	return blockHead{d: d, s: d * float32(sum[0]+sum[1]), n: -128 * (sum[0] + sum[1]), n0: -128 * sum[0]}
}

// Adaptive rows have fine blocks, as QuantX writes them, where the step is large, and
// coarse ones elsewhere: plane 1 zero, the value within half a coarse step.
func TestQuantXAdaptive(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(3, 1))
		for _, nb := range append(testBlocks, quantPiece+1) {
			for name, v := range quantInputs(rng, nb*KBlock) {
				for _, ratio := range []float32{0, 0.5, 1, 4} {
					dst, full := make([]byte, XBytes(nb, 2)), make([]byte, XBytes(nb, 2))
					QuantXAdaptive(dst, v, ratio)
					QuantX(full, v, 2)
					checkAdaptive(t, name, dst, full, v, ratio)
				}
			}
		}
	})
}

func checkAdaptive(t *testing.T, name string, dst, full []byte, v []float32, ratio float32) {
	t.Helper()
	mean, nb := 0.0, len(v)/KBlock
	for b := range nb {
		d := xHead(full[b*xBlock(2):]).d
		mean += float64(d) * float64(d) / float64(nb)
	}
	if !(math.Sqrt(float64(ratio)*mean) <= math.MaxFloat32) {
		require.Equal(t, full, dst, "%s: a row that is not finite", name)
		return
	}
	for b := range nb {
		x, f := dst[b*xBlock(2):(b+1)*xBlock(2)], full[b*xBlock(2):(b+1)*xBlock(2)]
		h := xHead(x)
		d := h.d
		if d == 0 {
			require.Equal(t, f, x, "%s: zero block %d", name, b)
			continue
		}
		if math.Float32bits(d)&1 == 1 {
			require.Equal(t, f, x, "%s: fine block %d", name, b)
			require.GreaterOrEqual(t, float64(d)*float64(d), float64(ratio)*mean*0.999999, name)
			continue
		}
		require.LessOrEqual(t, float64(d)*float64(d), float64(ratio)*mean*1.000001, name)
		var sum [2]int32
		for k, w := range v[b*KBlock : (b+1)*KBlock] {
			q := xAt(x, 2, k)
			sum[k/16] += q
			if off := math.Abs(float64(w) - float64(d)*float64(q)); x[xHeader+KBlock+k] != 0 || off > float64(d)*64.6 {
				t.Fatalf("%s: coarse block %d: %v became %d·%v", name, b, w, q, d)
			}
		}
		require.Equal(t, headOf(d, sum), h, name)
	}
}

// mixFine makes some blocks of a two-plane row coarse and marks the others fine.
func mixFine(rng *rand.Rand, x []byte, nb int) {
	for b := range nb {
		p := x[b*xBlock(2):]
		if rng.IntN(4) > 0 {
			p[0] &^= 1
			clear(p[xHeader+KBlock : xBlock(2)])
		} else {
			p[0] |= 1
		}
		putHead(p, 2, xHead(p).d)
	}
}

// putHead writes the header of a block with step d and the planes that are there.
func putHead(p []byte, planes int, d float32) {
	var sum [2]int32
	for i := range KBlock {
		sum[i/16] += xAt(p, planes, i)
	}
	h := headOf(d, sum)
	for i, v := range []uint32{math.Float32bits(h.d), math.Float32bits(h.s), uint32(h.n), uint32(h.n0)} {
		binary.LittleEndian.PutUint32(p[4*i:], v)
	}
}

// xAt returns the integer value of element k of a quantized row.
func xAt(x []byte, planes, k int) int32 {
	p := x[k/KBlock*xBlock(planes)+xHeader:]
	if planes == 1 {
		return int32(int8(p[k%KBlock]))
	}
	return int32(int8(p[k%KBlock]))*128 + int32(int8(p[KBlock+k%KBlock]))
}

// putX writes activation blocks with the given step and values; q has 32 per block.
func putX(x []byte, planes int, d []float32, q []int32) {
	for b := range d {
		p := x[b*xBlock(planes):]
		for i, v := range q[b*KBlock : (b+1)*KBlock] {
			if planes == 1 {
				p[xHeader+i] = byte(v)
			} else {
				hi := (v + 64) >> 7
				p[xHeader+i], p[xHeader+KBlock+i] = byte(hi), byte(v-128*hi)
			}
		}
		putHead(p, planes, d[b])
	}
}
