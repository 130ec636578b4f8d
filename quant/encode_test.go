package quant_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir/quant"
)

// encoders lists the block encoders beside their formats.
var encoders = []struct {
	typ    quant.Type
	encode func(dst []byte, src []float32)
}{
	{quant.Q8_0, quant.EncodeQ8_0},
	{quant.Q4_0, quant.EncodeQ4_0},
}

func TestEncodeGolden(t *testing.T) {
	for _, e := range encoders {
		f := quant.Formats[e.typ]
		data, err := os.ReadFile(filepath.Join("testdata", "encode_"+f.Name+".golden"))
		require.NoError(t, err)
		var src []float32
		var want []byte
		size := 4*32 + f.BlockBytes
		require.Zero(t, len(data)%size)
		for ; len(data) > 0; data = data[size:] {
			for i := range 32 {
				src = append(src, math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:])))
			}
			want = append(want, data[128:size]...)
		}
		got := make([]byte, len(want))
		e.encode(got, src)
		for b := 0; b < len(want); b += f.BlockBytes {
			n := b / f.BlockBytes
			require.Equal(t, want[b:b+f.BlockBytes], got[b:b+f.BlockBytes], "%s block %d: %v", f.Name, n, src[32*n:32*n+32])
		}
	}
}

// TestEncodeError checks that each value comes back within half a step, or a
// whole one at the end of Q4_0's range that has no code; the rest of the tolerance is
// for the rounding of the scale to float16.
func TestEncodeError(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 1))
	for _, e := range encoders {
		f := quant.Formats[e.typ]
		src, got := make([]float32, 32), make([]float32, 32)
		block := make([]byte, f.BlockBytes)
		for range 500 {
			scale := math.Exp2(float64(rng.IntN(20) - 10))
			var amax float64
			for i := range src {
				src[i] = float32(rng.NormFloat64() * scale)
				amax = max(amax, math.Abs(float64(src[i])))
			}
			e.encode(block, src)
			f.Decode(got, block)
			step := map[quant.Type]float64{quant.Q8_0: amax / 254, quant.Q4_0: amax / 8}[e.typ]
			for i := range src {
				require.InDelta(t, src[i], got[i], step*1.01+amax*0x1p-10+0x1p-18, "%s %v", f.Name, src)
			}
		}
	}
}

// TestEncodeExtremes checks blocks whose scale has no finite inverse or no
// finite float16: nothing panics and zero codes decode to zero.
func TestEncodeExtremes(t *testing.T) {
	for _, e := range encoders {
		f := quant.Formats[e.typ]
		src, got := make([]float32, 64), make([]float32, 64)
		for i := range src[:32] {
			src[i] = 0x1p-149 * float32(i-16)
			src[32+i] = float32(i-16) * 0x1p-3 * math.MaxFloat32 / 2
		}
		block := make([]byte, 2*f.BlockBytes)
		e.encode(block, src)
		f.Decode(got, block)
		requireSameBits(t, make([]float32, 32), absolute(got[:32]), f.Name)
	}
}

func absolute(x []float32) []float32 {
	for i, v := range x {
		x[i] = float32(math.Abs(float64(v)))
	}
	return x
}

// FuzzEncode checks that encoding the decoded block of any finite values
// is stable: the second round has the codes of the first.
func FuzzEncode(f *testing.F) {
	f.Add(uint64(1), float32(1))
	f.Add(uint64(2), float32(1e-7))
	f.Add(uint64(3), float32(3e4))
	f.Fuzz(func(t *testing.T, seed uint64, scale float32) {
		if !(math.Abs(float64(scale)) < 1e6) {
			t.Skip()
		}
		rng := rand.New(rand.NewPCG(seed, 0))
		src := make([]float32, 32)
		for i := range src {
			src[i] = float32(rng.NormFloat64()) * scale
		}
		for _, e := range encoders {
			format := quant.Formats[e.typ]
			block, again := make([]byte, format.BlockBytes), make([]byte, format.BlockBytes)
			values := make([]float32, 32)
			e.encode(block, src)
			format.Decode(values, block)
			for i, v := range values {
				if math.IsInf(float64(v), 0) || math.IsNaN(float64(v)) {
					t.Skip() // the scale overflows float16
				}
				if src[i] == 0 && v != 0 {
					t.Fatalf("%s: zero became %g", format.Name, v)
				}
			}
			if e.typ != quant.Q8_0 {
				continue // Q4_0 scales can change sign in a second round
			}
			e.encode(again, values)
			second := make([]float32, 32)
			format.Decode(second, again)
			for i := range values {
				if math.Abs(float64(second[i]-values[i])) > 0x1p-9*math.Abs(float64(values[i]))+0x1p-24 {
					t.Fatalf("%s: %g became %g", format.Name, values[i], second[i])
				}
			}
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	for _, e := range encoders {
		f := quant.Formats[e.typ]
		b.Run(f.Name, func(b *testing.B) {
			rng := rand.New(rand.NewPCG(14, 1))
			src := make([]float32, 1024)
			for i := range src {
				src[i] = float32(rng.NormFloat64())
			}
			dst := make([]byte, len(src)/32*f.BlockBytes)
			b.SetBytes(int64(4 * len(src)))
			for b.Loop() {
				e.encode(dst, src)
			}
		})
	}
}
