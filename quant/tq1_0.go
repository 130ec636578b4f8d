package quant

import "kvasir/kernels"

// TQ1_0: 256 ternary values in 54 bytes, 48 bytes of five trits, 4 bytes of
// four trits, d f16. A byte is a base-3 fraction times 256, most significant
// trit first; multiplying by 3^n modulo 256 brings trit n to the front.
// Bytes 0..31 hold values 0..159 (trit n of byte m: value 32n+m), bytes 32..47
// values 160..239, bytes 48..51 values 240..255. value = d*(trit-1).
var formatTQ1_0 = Format{
	Type: TQ1_0, Name: "TQ1_0", BlockValues: 256, BlockBytes: 54,
	Decode: decodeTQ1_0,
	Layout: &kernels.Layout{Codes: kernels.Codes2, Scale: kernels.ScaleK, Group: 32, Zero: 1},
	pack:   packTQ1_0,
}

// pow3 holds the powers that bring each of the five trits of a byte to the front.
var pow3 = [5]byte{1, 3, 9, 27, 81}

// runsTQ1_0 are the three runs of bytes with the number of trits each holds.
var runsTQ1_0 = [3]struct{ lo, hi, trits int }{{0, 32, 5}, {32, 48, 5}, {48, 52, 4}}

func decodeTQ1_0(dst []float32, src []byte) {
	for ; len(src) >= 54; src = src[54:] {
		d := half(src[52:])
		for _, run := range runsTQ1_0 {
			for _, pow := range pow3[:run.trits] {
				for _, q := range src[run.lo:run.hi] {
					trit := uint16(q*pow) * 3 >> 8
					dst[0] = d * float32(int(trit)-1)
					dst = dst[1:]
				}
			}
		}
	}
}

func packTQ1_0(codes, scales, src []byte, lane int) {
	const codeBytes, scaleBytes = 8 * 128, 32 + 8*16
	for ; len(src) >= 54; codes, scales, src = codes[codeBytes:], scales[scaleBytes:], src[54:] {
		var c [32]uint64 // eight values each, in order: two chunks
		for i := range 6 {
			w := le.Uint64(src[8*i:])
			for n, pow := range pow3 {
				if i < 4 {
					c[(4*n+i)&31] = trits(w, pow)
				} else {
					c[(20+2*n+i-4)&31] = trits(w, pow)
				}
			}
		}
		last := uint64(le.Uint32(src[48:]))
		c[30] = trits(last, pow3[0]) | trits(last, pow3[1])<<32
		c[31] = trits(last, pow3[2]) | trits(last, pow3[3])<<32
		for h := range 16 {
			v := c[2*h] | c[2*h+1]<<4
			le.PutUint32(codes[64*h+4*lane:], uint32(v)|uint32(v>>32)<<2)
		}
		packUnitScales(scales, src[52:], lane)
	}
}

// trits returns the front trit of each byte of q after multiplication by pow.
func trits(q uint64, pow byte) uint64 {
	const m = 0x00ff00ff00ff00ff // 16-bit fields; times 3 the trit is the high byte
	even := q & m * uint64(pow) & m * 3
	odd := q >> 8 & m * uint64(pow) & m * 3
	return even>>8&m | odd&^m
}

// packUnitScales stores d and eight scales of one: ternary blocks have d alone.
func packUnitScales(scales, d []byte, lane int) {
	packF16(scales[:32], d, lane)
	for g := range 8 {
		scales[32+16*g+lane] = 1
	}
}
