package kernels

import (
	"encoding/binary"
	"fmt"
)

// Quantized rows and tiles of a cache. A block is 32 consecutive dimensions with
// one f16 scale d: int8 codes with the value d·q, or nibbles with the value
// d·(u-8), of which byte i holds dimension i (low) and i+16 (high).
//
// A row stores d, then the codes of the block, block after block (34 or 18 bytes
// each: the GGUF types Q8_0 and Q4_0). A K tile stores the code bytes of its 32
// slots side by side, [code byte of the row][Slots], then the scales,
// [block][Slots].
const (
	q8Codes = 32 // code bytes of a block
	q4Codes = 16
)

// Q8ToF32 decodes rows of int8 codes; len(dst) is a multiple of 32 and src holds
// at least 34 bytes for each 32 elements. All levels write the same bits.
func Q8ToF32(dst []float32, src []byte) {
	blocks := checkBlocks("Q8ToF32", len(dst), len(src), q8Codes)
	for b := 0; b < blocks; b += pieceLen / KBlock {
		n := min(pieceLen/KBlock, blocks-b)
		q8ToF32(dst[b*KBlock:(b+n)*KBlock], src[b*(q8Codes+2):])
	}
}

// Q4ToF32 decodes rows of nibbles; len(dst) is a multiple of 32 and src holds at
// least 18 bytes for each 32 elements. All levels write the same bits.
func Q4ToF32(dst []float32, src []byte) {
	blocks := checkBlocks("Q4ToF32", len(dst), len(src), q4Codes)
	for b := 0; b < blocks; b += pieceLen / KBlock {
		n := min(pieceLen/KBlock, blocks-b)
		q4ToF32(dst[b*KBlock:(b+n)*KBlock], src[b*(q4Codes+2):])
	}
}

// Q8TileToF32 decodes a K tile of int8 codes to [dim][Slots]: dst holds dim·32
// elements, tile dim·34 bytes, dim is a multiple of 32. All levels write the same
// bits.
func Q8TileToF32(dst []float32, tile []byte, dim int) {
	if n := checkTile("Q8TileToF32", dst, tile, dim, q8Codes); n > 0 {
		q8TileToF32(dst[:dim*Slots], tile, tile[n*q8Codes*Slots:], n)
	}
}

// Q4TileToF32 decodes a K tile of nibbles to [dim][Slots]: dst holds dim·32
// elements, tile dim·18 bytes, dim is a multiple of 32. All levels write the same
// bits.
func Q4TileToF32(dst []float32, tile []byte, dim int) {
	if n := checkTile("Q4TileToF32", dst, tile, dim, q4Codes); n > 0 {
		q4TileToF32(dst[:dim*Slots], tile, tile[n*q4Codes*Slots:], n)
	}
}

// checkBlocks returns the number of blocks of rows.
func checkBlocks(op string, dst, src, codes int) int {
	if dst%KBlock != 0 {
		panic(fmt.Sprintf("kernels: %s: length %d is not a multiple of %d", op, dst, KBlock))
	}
	n := dst / KBlock
	checkLen(op, "src", src, n*(codes+2))
	return n
}

// checkTile returns the number of blocks of a tile's rows.
func checkTile(op string, dst []float32, tile []byte, dim, codes int) int {
	n := checkBlocks(op, dim, len(tile)/Slots, codes)
	checkLen(op, "dst", len(dst), dim*Slots)
	return n
}

func q8ToF32Generic(dst []float32, src []byte) {
	for ; len(dst) >= KBlock; dst, src = dst[KBlock:], src[q8Codes+2:] {
		d := f16Value(binary.LittleEndian.Uint16(src))
		out := dst[:KBlock]
		for i, c := range src[2 : 2+q8Codes] {
			out[i] = float32(int8(c)) * d
		}
	}
}

func q4ToF32Generic(dst []float32, src []byte) {
	for ; len(dst) >= KBlock; dst, src = dst[KBlock:], src[q4Codes+2:] {
		d := f16Value(binary.LittleEndian.Uint16(src))
		lo, hi := dst[:q4Codes], dst[q4Codes:KBlock]
		for i, c := range src[2 : 2+q4Codes] {
			lo[i] = float32(int(c&15)-8) * d
			hi[i] = float32(int(c>>4)-8) * d
		}
	}
}

func q8TileToF32Generic(dst []float32, codes, scales []byte, blocks int) {
	var d [Slots]float32
	for b := range blocks {
		f16ToF32Generic(d[:], scales[2*b*Slots:])
		for i := b * KBlock; i < (b+1)*KBlock; i++ {
			row, out := codes[i*Slots:(i+1)*Slots], dst[i*Slots:(i+1)*Slots]
			for j, c := range row {
				out[j] = float32(int8(c)) * d[j]
			}
		}
	}
}

func q4TileToF32Generic(dst []float32, codes, scales []byte, blocks int) {
	var d [Slots]float32
	for b := range blocks {
		f16ToF32Generic(d[:], scales[2*b*Slots:])
		for i := range q4Codes {
			row := codes[(b*q4Codes+i)*Slots:][:Slots]
			lo := dst[(b*KBlock+i)*Slots:][:Slots]
			hi := dst[(b*KBlock+i+q4Codes)*Slots:][:Slots]
			for j, c := range row {
				lo[j] = float32(int(c&15)-8) * d[j]
				hi[j] = float32(int(c>>4)-8) * d[j]
			}
		}
	}
}
