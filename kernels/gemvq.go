package kernels

// GemvQ multiplies one row group of packed weights with one quantized activation
// row: out[r] = Σ_k (ws·u + wm)·x for r < 16, stored. codes holds
// l.CodeBytes(nb) bytes; ws and wm are [l.Groups(nb)][16] from ExpandScales; x holds
// XBytes(nb, planes) bytes from QuantX. Per group g, ascending:
//
//	isum = Σ u·q                                   exact, in int32
//	acc  = fma(float32(isum), ws[g]·d, acc)        d of the k block
//	acc  = fma(wm[g], s, acc)                      s0 or s1 in groups of 16
//
// That is the order of GemmQ too: both give the same bits. The generic level rounds
// after each product instead of fusing.
func GemvQ(out []float32, l *Layout, codes []byte, ws, wm []float32, x []byte, nb, planes int) {
	l.check()
	checkPlanes(planes)
	checkLen("GemvQ", "out", len(out), RowGroup)
	checkLen("GemvQ", "codes", len(codes), l.CodeBytes(nb))
	checkLen("GemvQ", "ws", len(ws), l.Groups(nb)*RowGroup)
	checkLen("GemvQ", "wm", len(wm), l.Groups(nb)*RowGroup)
	checkLen("GemvQ", "x", len(x), XBytes(nb, planes))
	clear(out[:RowGroup])
	if nb == 0 || gemvQAsm(out, l, codes, ws, wm, x, nb, planes) {
		return
	}
	gemvQGeneric(out, l, codes, ws, wm, x, nb, planes)
}

func gemvQGeneric(out []float32, l *Layout, codes []byte, ws, wm []float32, x []byte, nb, planes int) {
	var u [unpackedBlock]byte
	acc := (*[RowGroup]float32)(out)
	size, xSize, perBlock := l.Codes.blockBytes(), xBlock(planes), KBlock/l.Group*RowGroup
	for b := range nb {
		block := &u
		if l.Codes == Codes8 {
			block = (*[unpackedBlock]byte)(codes[b*size:])
		} else {
			unpackBlock(block, l, codes[b*size:(b+1)*size])
		}
		o := b * perBlock
		dotBlock(acc, block, ws[o:o+perBlock], wm[o:o+perBlock], x[b*xSize:(b+1)*xSize])
	}
}

// dotBlock adds the product of one unpacked k block and one activation block. The
// number of scales tells the group size, the length of x the number of planes.
func dotBlock(acc *[RowGroup]float32, u *[unpackedBlock]byte, ws, wm []float32, x []byte) {
	d, s, s0, s1 := xHead(x)
	two := len(x) > xBlock(1)
	var isum [RowGroup]int32
	half := func(from, to int) {
		isum = [RowGroup]int32{}
		dotChunks(&isum, u, x[xHeader:], from, to)
		if two {
			for r := range isum {
				isum[r] <<= 7
			}
			dotChunks(&isum, u, x[xHeader+KBlock:], from, to)
		}
	}
	if len(ws) == RowGroup {
		half(0, 8)
		scaleSums(acc, &isum, (*[RowGroup]float32)(ws), (*[RowGroup]float32)(wm), d, s)
		return
	}
	half(0, 4)
	scaleSums(acc, &isum, (*[RowGroup]float32)(ws), (*[RowGroup]float32)(wm), d, s0)
	half(4, 8)
	scaleSums(acc, &isum, (*[RowGroup]float32)(ws[RowGroup:]), (*[RowGroup]float32)(wm[RowGroup:]), d, s1)
}

// dotChunks adds Σ u·q of chunks [from, to) to isum.
func dotChunks(isum *[RowGroup]int32, u *[unpackedBlock]byte, q []byte, from, to int) {
	q = q[:KBlock]
	for t := from; t < to; t++ {
		q0, q1 := int32(int8(q[4*t])), int32(int8(q[4*t+1]))
		q2, q3 := int32(int8(q[4*t+2])), int32(int8(q[4*t+3]))
		c := (*[chunkBytes]byte)(u[t*chunkBytes:])
		for r := range isum {
			isum[r] += int32(c[4*r])*q0 + int32(c[4*r+1])*q1 + int32(c[4*r+2])*q2 + int32(c[4*r+3])*q3
		}
	}
}

// scaleSums adds a group's integer sums, scaled, and its minimum term.
func scaleSums(acc *[RowGroup]float32, isum *[RowGroup]int32, ws, wm *[RowGroup]float32, d, s float32) {
	for r := range acc {
		a := acc[r] + float32(float32(isum[r])*float32(ws[r]*d))
		acc[r] = a + float32(wm[r]*s)
	}
}
