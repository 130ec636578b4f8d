package kernels

import "encoding/binary"

// chunkBytes is the size of a logical code chunk: 16 rows × 4 k.
const chunkBytes = 64

// unpackedBlock is the size of a k block in Codes8 form.
const unpackedBlock = 8 * chunkBytes

// UnpackQ writes the codes of one row group of nb k blocks to dst in Codes8 form
// (nb·512 bytes), with the lookup table applied: the panel that GemmQ reads. Levels
// that multiply any byte without saturation (zeroAt128) add 128 - l.Zero to every code,
// so that 128 stands for 0. dst and codes must not overlap.
func UnpackQ(dst []byte, l *Layout, codes []byte, nb int) {
	l.check()
	checkLen("UnpackQ", "dst", len(dst), nb*unpackedBlock)
	checkLen("UnpackQ", "codes", len(codes), l.CodeBytes(nb))
	if nb == 0 {
		return
	}
	if l.Codes == Codes8 {
		copy(dst, codes[:nb*unpackedBlock])
		return
	}
	if unpackQAsm(dst, l, codes, nb) {
		return
	}
	unpackQGeneric(dst, l, codes, nb)
	if bias := panelBias(l); bias > 0 {
		addBytes(dst[:nb*unpackedBlock], bias)
	}
}

// panelBias is what UnpackQ adds to the codes of l.
func panelBias(l *Layout) byte {
	if l.hasMin() || !zeroAt128() {
		return 0
	}
	return 128 - l.Zero
}

// addBytes adds n to every byte of p, whose length is a multiple of 8; no sum exceeds 255.
func addBytes(p []byte, n byte) {
	for i := 0; i < len(p); i += 8 {
		binary.LittleEndian.PutUint64(p[i:], binary.LittleEndian.Uint64(p[i:])+uint64(n)*everyByte)
	}
}

func unpackQGeneric(dst []byte, l *Layout, codes []byte, nb int) {
	size := l.Codes.blockBytes()
	for b := range nb {
		unpackBlock((*[unpackedBlock]byte)(dst[b*unpackedBlock:]), l, codes[b*size:(b+1)*size])
	}
}

// unpackBlock unpacks one k block.
func unpackBlock(u *[unpackedBlock]byte, l *Layout, p []byte) {
	switch l.Codes {
	case Codes2:
		unpackPairs(u, p, 0)
	case Codes3:
		unpackPairs(u, p, 0)
		unpackBit(u, p[128:], 2)
	case Codes4:
		unpackNibbles(u, p)
		if l.LUT != nil {
			for i, c := range u {
				u[i] = l.LUT[c]
			}
		}
	case Codes5:
		unpackNibbles(u, p)
		unpackBit(u, p[256:], 4)
	case Codes6:
		unpackNibbles(u, p)
		unpackPairs(u, p[256:], 4)
	case Codes8:
		copy(u[:], p)
	}
}

// everyByte has a 1 in each of 8 bytes: the helpers below unpack 8 codes at a time.
const everyByte = 0x0101010101010101

// unpackNibbles sets all codes to 4-bit values.
func unpackNibbles(u *[unpackedBlock]byte, p []byte) {
	p = p[:256]
	for i := 0; i < len(p); i += 8 {
		v := binary.LittleEndian.Uint64(p[i:])
		dst := u[i/chunkBytes*2*chunkBytes+i%chunkBytes:]
		binary.LittleEndian.PutUint64(dst, v&(15*everyByte))
		binary.LittleEndian.PutUint64(dst[chunkBytes:], v>>4&(15*everyByte))
	}
}

// unpackPairs sets (shift 0) or adds 2-bit values at a bit position.
func unpackPairs(u *[unpackedBlock]byte, p []byte, shift uint) {
	p = p[:128]
	if shift == 0 {
		clear(u[:])
	}
	for i := 0; i < len(p); i += 8 {
		v := binary.LittleEndian.Uint64(p[i:])
		for j := range 4 {
			dst := u[(i/chunkBytes*4+j)*chunkBytes+i%chunkBytes:]
			code := v >> (2 * j) & (3 * everyByte) << shift
			binary.LittleEndian.PutUint64(dst, binary.LittleEndian.Uint64(dst)|code)
		}
	}
}

// unpackBit adds one bit per code at a bit position.
func unpackBit(u *[unpackedBlock]byte, p []byte, shift uint) {
	p = p[:chunkBytes]
	for i := 0; i < len(p); i += 8 {
		v := binary.LittleEndian.Uint64(p[i:])
		for t := range 8 {
			dst := u[t*chunkBytes+i:]
			code := v >> t & everyByte << shift
			binary.LittleEndian.PutUint64(dst, binary.LittleEndian.Uint64(dst)|code)
		}
	}
}
