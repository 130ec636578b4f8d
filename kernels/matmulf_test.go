package kernels

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/x448/float16"
)

var testFloats = map[string]Float{"f32": F32, "f16": F16, "bf16": BF16}

// floatAt decodes the element of row r and value k of a packed row group with another
// library.
func floatAt(f Float, w []byte, r, k int) float32 {
	i := k*RowGroup + r
	if f == BF16 {
		i = (k/2*RowGroup+r)*2 + k%2
	}
	switch f {
	case F32:
		return math.Float32frombits(binary.LittleEndian.Uint32(w[4*i:]))
	case F16:
		return float16.Frombits(binary.LittleEndian.Uint16(w[2*i:])).Float32()
	}
	return math.Float32frombits(uint32(binary.LittleEndian.Uint16(w[2*i:])) << 16)
}

// randomFloats packs n normal values.
func randomFloats(rng *rand.Rand, f Float, n int) []byte {
	w := make([]byte, n*f.Size())
	for i := range n {
		v := float32(rng.NormFloat64()) * 0.05
		switch f {
		case F32:
			binary.LittleEndian.PutUint32(w[4*i:], math.Float32bits(v))
		case F16:
			binary.LittleEndian.PutUint16(w[2*i:], float16.Fromfloat32(v).Bits())
		case BF16:
			binary.LittleEndian.PutUint16(w[2*i:], uint16(math.Float32bits(v)>>16))
		}
	}
	return w
}

func randomRow(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

func TestUnpackF(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		for name, f := range testFloats {
			// 4096 rows of 16 hold every 16-bit pattern.
			for i, k := range []int{1, 2, 3, 4, 5, 7, 8, 9, 33, 4096} {
				src := make([]byte, f.GroupBytes(k))
				for j := range len(src) / f.Size() {
					if f == F32 {
						binary.LittleEndian.PutUint32(src[4*j:], uint32(j)*2654435761)
					} else {
						binary.LittleEndian.PutUint16(src[2*j:], uint16(j))
					}
				}
				w := guardedCopy(t, src, i*2)
				dst := guarded[float32](t, k*RowGroup, i)
				UnpackF(dst, f, w, k)
				for j, got := range dst {
					if want := floatAt(f, w, j%RowGroup, j/RowGroup); !sameFloat(want, got) {
						t.Fatalf("%s k %d element %d: got %v, want %v", name, k, j, got, want)
					}
				}
			}
		}
	})
}

func TestGemvF(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(13, 1))
		for name, f := range testFloats {
			for i, k := range []int{1, 2, 3, 4, 5, 8, 9, 31, 32, 64, 577, gemvFPiece + 1} {
				for rowGroups := 1; rowGroups <= 4; rowGroups++ {
					stride := f.GroupBytes(k) + 6*f.Size()
					w := guardedCopy(t, randomFloats(rng, f, stride/f.Size()*rowGroups-6), i*f.Size())
					x := guardedCopy(t, randomRow(rng, k), i)
					out := guarded[float32](t, rowGroups*RowGroup, i)
					fillPattern(out)
					GemvF(out, f, w, rowGroups, stride, x)
					for r, got := range out {
						want, abs := 0.0, 0.0
						for j, v := range x {
							p := float64(floatAt(f, w[r/16*stride:], r%16, j)) * float64(v)
							want, abs = want+p, abs+math.Abs(p)
						}
						require.InDelta(t, want, float64(got), (float64(k)+2)*0x1p-24*abs, "%s k %d row groups %d row %d", name, k, rowGroups, r)
					}
				}
			}
		}
	})
}

// TestGemmFMatchesGemvF holds both to the same bits for every column count.
func TestGemmFMatchesGemvF(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(17, 1))
		for cols := 1; cols <= 13; cols++ {
			for _, k := range []int{1, 2, 3, 8, 31, 65, 576} {
				testGemmF(t, rng, k, cols)
			}
		}
		testGemmF(t, rng, gemmFPiece+3, 7)
	})
}

func testGemmF(t *testing.T, rng *rand.Rand, k, cols int) {
	panel := guardedCopy(t, randomRow(rng, 2*k*RowGroup), cols)
	xStride := k + cols%3
	x := guardedCopy(t, randomRow(rng, (cols-1)*xStride+k), 1)
	for rowGroups := 1; rowGroups <= 2; rowGroups++ {
		rows := rowGroups * RowGroup
		ldo := rows + 1
		got := guarded[float32](t, (cols-1)*ldo+rows, 3)
		fillPattern(got)
		GemmF(got, ldo, panel[:k*rows], rowGroups, x, xStride, k, cols)
		want := make([]float32, rows)
		for c := range cols {
			GemvF(want, F32, rawBytes(panel[:k*rows]), rowGroups, k*RowGroup*4, x[c*xStride:][:k])
			require.Equal(t, want, got[c*ldo:c*ldo+rows], "k %d cols %d column %d row groups %d", k, cols, c, rowGroups)
			if c+1 < cols {
				require.Equal(t, float32(patternFloat), got[c*ldo+rows], "gap written")
			}
		}
	}
}

func TestFloatSize(t *testing.T) {
	require.Equal(t, "4 2 2", fmt.Sprint(F32.Size(), F16.Size(), BF16.Size()))
}
