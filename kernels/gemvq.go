package kernels

// GemvQ multiplies one row group of packed weights with one quantized activation
// row: out[r] = Σ_k y·x for r < 16, stored. codes holds l.CodeBytes(nb) bytes; ws and
// wm are [l.Groups(nb)][16] from ExpandScales, wm unread where l has no minima; x holds
// XBytes(nb, planes) bytes from QuantX. Per group g, ascending:
//
//	isum = Σ (u - Zero)·q                          exact, in int32
//	acc  = fma(float32(isum), ws[g]·d, acc)        d of the k block
//	acc  = fma(wm[g], s, acc)                      with minima; s = d·Σq of the group
//
// That is the order of GemmQ too: both give the same bits. The generic level rounds
// after each product instead of fusing.
func GemvQ(out []float32, l *Layout, codes []byte, ws, wm []float32, x []byte, nb, planes int) {
	l.check()
	checkPlanes(planes)
	checkLen("GemvQ", "out", len(out), RowGroup)
	checkLen("GemvQ", "codes", len(codes), l.CodeBytes(nb))
	checkScales("GemvQ", l, ws, wm, l.Groups(nb)*RowGroup)
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
	zero := int32(l.Zero)
	if !l.hasMin() {
		wm = nil
	}
	for b := range nb {
		block := &u
		if l.Codes == Codes8 {
			block = (*[unpackedBlock]byte)(codes[b*size:])
		} else {
			unpackBlock(block, l, codes[b*size:(b+1)*size])
		}
		dotBlock(acc, block, zero, blockScales(ws, b, perBlock), blockScales(wm, b, perBlock), x[b*xSize:(b+1)*xSize])
	}
}

// blockScales returns the n scales of k block b, nil if there are none.
func blockScales(w []float32, b, n int) []float32 {
	if w == nil {
		return nil
	}
	return w[b*n : (b+1)*n]
}

// dotBlock adds the product of one unpacked k block and one activation block. The
// number of scales tells the group size, the length of x the number of planes; wm is
// nil where there are no minima.
func dotBlock(acc *[RowGroup]float32, u *[unpackedBlock]byte, zero int32, ws, wm []float32, x []byte) {
	h := xHead(x)
	chunks := 8 * RowGroup / len(ws)
	n := [2]int32{h.n0, h.n - h.n0}
	if chunks == 8 {
		n[0] = h.n
	}
	for g := range 8 / chunks {
		var isum [RowGroup]int32
		dotChunks(&isum, u, x[xHeader:], g*chunks, (g+1)*chunks)
		if len(x) > xBlock(1) {
			for r := range isum {
				isum[r] <<= 7
			}
			dotChunks(&isum, u, x[xHeader+KBlock:], g*chunks, (g+1)*chunks)
		}
		sum := -(n[g] >> 7) // Σq
		for r := range acc {
			acc[r] += float32(float32(isum[r]-zero*sum) * float32(ws[g*RowGroup+r]*h.d))
			if wm != nil {
				acc[r] += float32(wm[g*RowGroup+r] * float32(h.d*float32(sum)))
			}
		}
	}
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
