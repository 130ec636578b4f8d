package quant

// The functions below write one row ("lane" 0..15) of the packed code layouts
// of package kernels. A k block is 32 values of the row; its chunk t is the
// dword of values 4t..4t+3, and lane r owns bytes 4r..4r+3 of every 64. All
// work on dwords, four codes at a time, since the file formats also keep
// neighbouring values in neighbouring bytes.

const (
	nibbleMask = 0x0f0f0f0f
	crumbMask  = 0x03030303
)

// packNibbles packs one k block of kernels.Codes4 (256 bytes of dst) from 16
// bytes whose low nibbles are values 0..15 and high nibbles values 16..31.
func packNibbles(dst, qs []byte, lane int) {
	d, q := (*[256]byte)(dst), (*[16]byte)(qs)
	i := 4 * (lane & 15)
	w0, w1, w2, w3 := le.Uint32(q[0:]), le.Uint32(q[4:]), le.Uint32(q[8:]), le.Uint32(q[12:])
	le.PutUint32(d[i:], w0&nibbleMask|w1&nibbleMask<<4)
	le.PutUint32(d[i+64:], w2&nibbleMask|w3&nibbleMask<<4)
	le.PutUint32(d[i+128:], w0>>4&nibbleMask|w1&^nibbleMask)
	le.PutUint32(d[i+192:], w2>>4&nibbleMask|w3&^nibbleMask)
}

// packNibblePair packs two k blocks of low nibbles, lo and hi (256 bytes each),
// from 32 bytes whose low nibbles are the first block and high nibbles the second.
func packNibblePair(lo, hi, qs []byte, lane int) {
	l, h, q := (*[256]byte)(lo), (*[256]byte)(hi), (*[32]byte)(qs)
	i := 4 * (lane & 15)
	for g := range 4 {
		w := le.Uint64(q[8*g:])
		even, odd := uint32(w), uint32(w>>32)
		le.PutUint32(l[64*g+i:], even&nibbleMask|odd&nibbleMask<<4)
		le.PutUint32(h[64*g+i:], even>>4&nibbleMask|odd&^nibbleMask)
	}
}

// packCrumbs packs four k blocks of 2-bit codes from 32 bytes whose crumb j
// (bits 2j, 2j+1) belongs to block j. Block j's 128 bytes start at dst[j*stride].
func packCrumbs(dst []byte, stride int, qs []byte, lane int) {
	q := (*[32]byte)(qs)
	i := 4 * (lane & 15)
	for h := range 2 {
		a, b, c, d := le.Uint32(q[16*h:]), le.Uint32(q[16*h+4:]), le.Uint32(q[16*h+8:]), le.Uint32(q[16*h+12:])
		a, b = swapBits(a, b, 2, 0x33333333)
		c, d = swapBits(c, d, 2, 0x33333333)
		a, c = swapBits(a, c, 4, nibbleMask)
		b, d = swapBits(b, d, 4, nibbleMask)
		le.PutUint32(dst[64*h+i:], a)
		le.PutUint32(dst[64*h+i+stride:], b)
		le.PutUint32(dst[64*h+i+2*stride:], c)
		le.PutUint32(dst[64*h+i+3*stride:], d)
	}
}

// packBits packs a bit plane of eight k blocks from 32 bytes whose bit j
// belongs to block j. Block j's 64 bytes start at dst[j*stride].
func packBits(dst []byte, stride int, qh []byte, lane int) {
	var w [8]uint32
	for t := range w {
		w[t] = le.Uint32(qh[4*t:])
	}
	for t := 0; t < 8; t += 2 {
		w[t], w[t+1] = swapBits(w[t], w[t+1], 1, 0x55555555)
	}
	for _, t := range [4]int{0, 1, 4, 5} {
		w[t&7], w[(t+2)&7] = swapBits(w[t&7], w[(t+2)&7], 2, 0x33333333)
	}
	for t := range 4 {
		w[t], w[t+4] = swapBits(w[t], w[t+4], 4, nibbleMask)
	}
	i := 4 * (lane & 15)
	for j := range w {
		le.PutUint32(dst[j*stride+i:], w[j])
	}
}

// swapBits exchanges the bits m<<s of a with the bits m of b: one step of a
// bit matrix transposition (Warren, Hacker's Delight, section 7-3).
func swapBits(a, b uint32, s uint, m uint32) (uint32, uint32) {
	t := (a>>s ^ b) & m
	return a ^ t<<s, b ^ t
}

// packHighBits packs the bit plane of one k block (64 bytes of dst) from a
// 32-bit word whose bit k belongs to value k.
func packHighBits(dst []byte, qh uint32, lane int) {
	w := spreadBits[uint8(qh)] | spreadBits[uint8(qh>>8)]<<2 |
		spreadBits[uint8(qh>>16)]<<4 | spreadBits[qh>>24]<<6
	le.PutUint32(dst[4*(lane&15):], w)
}

// spreadBits moves bit 4t+j of its index to bit 8j+t: two chunks of one bit
// per value become two bits in each of four bytes.
var spreadBits = func() (table [256]uint32) {
	for v := range table {
		for k := range 8 {
			table[v] |= uint32(v>>k&1) << (k%4*8 + k/4)
		}
	}
	return table
}()

// packF16 copies the float16 at src to lane's place among 16 scales.
func packF16(scales, src []byte, lane int) {
	le.PutUint16(scales[2*(lane&15):], le.Uint16(src))
}
