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

// quantRows are the decoders of rows and tiles by code bytes per block.
var quantRows = map[int]struct {
	rows func(dst []float32, src []byte)
	tile func(dst []float32, tile []byte, dim int)
}{
	q8Codes: {Q8ToF32, Q8TileToF32},
	q4Codes: {Q4ToF32, Q4TileToF32},
}

// codeValue is the value of dimension i of a block, without its scale.
func codeValue(codes []byte, i int) float32 {
	if len(codes) == q8Codes {
		return float32(int8(codes[i]))
	}
	return float32(int(codes[i%q4Codes]>>(i/q4Codes*4)&15) - 8)
}

// decodedRow decodes a row of blocks straight from the definition.
func decodedRow(src []byte, codes int) []float32 {
	var out []float32
	for ; len(src) > 0; src = src[codes+2:] {
		d := float16.Frombits(binary.LittleEndian.Uint16(src)).Float32()
		for i := range KBlock {
			out = append(out, codeValue(src[2:2+codes], i)*d)
		}
	}
	return out
}

// randomBlocks holds every code and every kind of scale: normal, subnormal, zero,
// infinite, NaN.
func randomBlocks(rng *rand.Rand, blocks, codes int) []byte {
	src := make([]byte, blocks*(codes+2))
	for i := range src {
		src[i] = byte(rng.Uint32())
	}
	for b := 0; b < blocks; b += 3 {
		binary.LittleEndian.PutUint16(src[b*(codes+2):], []uint16{0, 1, 0x3c00, 0x7c00, 0x7e01, 0x8000}[b/3%6])
	}
	return src
}

func requireSameFloats(t *testing.T, want, got []float32, what string) {
	t.Helper()
	for i, v := range got {
		if !sameFloat(want[i], v) {
			t.Fatalf("%s[%d]: got %v (%#x), want %v", what, i, v, math.Float32bits(v), want[i])
		}
	}
}

func TestQuantRows(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		for codes, f := range quantRows {
			for i, blocks := range []int{0, 1, 2, 3, 4, 7, 8, 9, 64, pieceLen/KBlock + 1} {
				t.Run(fmt.Sprintf("%d/%d", codes, blocks), func(t *testing.T) {
					src := randomBlocks(rand.New(rand.NewPCG(uint64(codes), uint64(i))), blocks, codes)
					dst := guarded[float32](t, blocks*KBlock, i*5%16)
					f.rows(dst, guardedCopy(t, src, i*7%64))
					requireSameFloats(t, decodedRow(src, codes), dst, "value")
				})
			}
		}
	})
}

// TestQuantTiles spreads rows over a tile and expects them back, transposed.
func TestQuantTiles(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		for codes, f := range quantRows {
			for i, dim := range []int{0, 32, 64, 96, 128, 256, 1024} {
				t.Run(fmt.Sprintf("%d/%d", codes, dim), func(t *testing.T) {
					rng := rand.New(rand.NewPCG(uint64(codes), uint64(dim)))
					n := dim / KBlock
					tile, want := make([]byte, n*(codes+2)*Slots), make([]float32, dim*Slots)
					for j := range Slots {
						row := randomBlocks(rng, n, codes)
						for b := range n {
							blk := row[b*(codes+2):][:codes+2]
							copy(tile[n*codes*Slots+2*(b*Slots+j):], blk[:2])
							for k, c := range blk[2:] {
								tile[(b*codes+k)*Slots+j] = c
							}
						}
						for d, v := range decodedRow(row, codes) {
							want[d*Slots+j] = v
						}
					}
					dst := guarded[float32](t, dim*Slots, i*5%16)
					f.tile(dst, guardedCopy(t, tile, i*7%64), dim)
					requireSameFloats(t, want, dst, "value")
				})
			}
		}
	})
}

func TestQuantRowsMisuse(t *testing.T) {
	dst, src := make([]float32, 2048), make([]byte, 4096)
	require.Panics(t, func() { Q8ToF32(dst[:33], src) })
	require.Panics(t, func() { Q8ToF32(dst[:64], src[:67]) })
	require.Panics(t, func() { Q4ToF32(dst[:64], src[:35]) })
	require.Panics(t, func() { Q8TileToF32(dst, src, 33) })
	require.Panics(t, func() { Q8TileToF32(dst, src[:34*32-1], 32) })
	require.Panics(t, func() { Q4TileToF32(dst[:32*32-1], src, 32) })
}

// BenchmarkQuantTiles decodes tiles of a head of 64 that lie in the second-level
// cache; MB/s counts the f32 values.
func BenchmarkQuantTiles(b *testing.B) {
	const dim, tiles = 64, 16
	for codes, f := range quantRows {
		size := dim / KBlock * (codes + 2) * Slots
		src, dst := make([]byte, tiles*size), make([]float32, dim*Slots)
		for name, run := range map[string]func(tile []byte){
			"rows": func(tile []byte) { f.rows(dst, tile) },
			"tile": func(tile []byte) { f.tile(dst, tile, dim) },
		} {
			b.Run(fmt.Sprintf("q%d/%s", codes/4, name), func(b *testing.B) {
				eachLevelB(b, func(b *testing.B) {
					b.SetBytes(4 * dim * Slots * tiles)
					for b.Loop() {
						for i := range tiles {
							run(src[i*size : (i+1)*size])
						}
					}
				})
			})
		}
	}
}
