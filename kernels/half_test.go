package kernels

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/x448/float16"
)

// TestF16ToF32All converts all 65536 half floats, NaN payloads included.
func TestF16ToF32All(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		src, dst := make([]byte, 2<<16), make([]float32, 1<<16)
		for i := range dst {
			binary.LittleEndian.PutUint16(src[2*i:], uint16(i))
		}
		F16ToF32(dst, src)
		for i, v := range dst {
			require.Equal(t, math.Float32bits(float16.Frombits(uint16(i)).Float32()), math.Float32bits(v), "%#04x", i)
		}
	})
}

func TestBF16ToF32All(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		src, dst := make([]byte, 2<<16), make([]float32, 1<<16)
		for i := range dst {
			binary.LittleEndian.PutUint16(src[2*i:], uint16(i))
		}
		BF16ToF32(dst, src)
		for i, v := range dst {
			require.Equal(t, uint32(i)<<16, math.Float32bits(v))
		}
	})
}

// halfInputs returns f32 numbers around every rounding boundary of the half
// formats, and random bit patterns.
func halfInputs() []float32 {
	var x []float32
	for h := 0; h < 1<<16; h += 7 {
		for _, v := range []uint32{math.Float32bits(float16.Frombits(uint16(h)).Float32()), uint32(h) << 16} {
			for _, d := range []uint32{0, 1, 0xfff, 0x1000, 0x1001, 0x7fff, 0x8000, 0x8001, ^uint32(0)} {
				x = append(x, math.Float32frombits(v+d))
			}
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 1 << 16 {
		x = append(x, math.Float32frombits(rng.Uint32()))
	}
	return append(x, 65504, 65519.996, 65520, 65536, -65520, 0x1p-24, 0x1p-25, 0x1.000002p-25, 0x1.8p-24, inf32, -inf32, nan32)
}

func TestF32ToF16(t *testing.T) {
	x := halfInputs()
	eachLevel(t, func(t *testing.T) {
		dst := make([]byte, 2*len(x))
		F32ToF16(dst, x)
		for i, v := range x {
			want := float16.Fromfloat32(v).Bits()
			if got := binary.LittleEndian.Uint16(dst[2*i:]); got != want {
				t.Fatalf("%v (%#08x): got %#04x, want %#04x", v, math.Float32bits(v), got, want)
			}
		}
	})
}

func TestF32ToBF16(t *testing.T) {
	x := halfInputs()
	eachLevel(t, func(t *testing.T) {
		dst := make([]byte, 2*len(x))
		F32ToBF16(dst, x)
		for i, v := range x {
			want := bf16Oracle(v)
			if got := binary.LittleEndian.Uint16(dst[2*i:]); got != want {
				t.Fatalf("%v (%#08x): got %#04x, want %#04x", v, math.Float32bits(v), got, want)
			}
		}
	})
}

// bf16Oracle picks the nearer of the two neighbours by arithmetic in f64.
func bf16Oracle(v float32) uint16 {
	bits := math.Float32bits(v)
	down := uint16(bits >> 16)
	if v != v {
		return down | 0x40
	}
	if math.IsInf(float64(v), 0) {
		return down
	}
	value := func(b uint32) float64 {
		if b&0x7fff == 0x7f80 { // the next power of two stands for infinity
			return math.Copysign(0x1p128, float64(v))
		}
		return float64(math.Float32frombits(b << 16))
	}
	lo, hi := math.Abs(float64(v)-value(uint32(down))), math.Abs(value(uint32(down)+1)-float64(v))
	if hi < lo || hi == lo && down&1 == 1 {
		return down + 1
	}
	return down
}

// TestHalfLengths checks tails: every length, every offset, guard bands.
func TestHalfLengths(t *testing.T) {
	eachLength(t, func(t *testing.T, n, offset int) {
		values := normals(n, 1, 4)
		x := guardedCopy(t, values, offset)
		for _, c := range []struct {
			to   func([]byte, []float32)
			from func([]float32, []byte)
			want func(float32) float32
		}{
			{F32ToF16, F16ToF32, func(v float32) float32 { return float16.Fromfloat32(v).Float32() }},
			{F32ToBF16, BF16ToF32, func(v float32) float32 { return math.Float32frombits(uint32(bf16Oracle(v)) << 16) }},
		} {
			half := guarded[byte](t, 2*n, offset*3+1)
			c.to(half, x)
			back := guarded[float32](t, n, (offset+5)%16)
			c.from(back, guardedCopy(t, half, offset))
			for i, v := range values {
				require.Equal(t, c.want(v), back[i])
			}
		}
	})
}
