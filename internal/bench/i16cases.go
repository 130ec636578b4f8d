package bench

import (
	"encoding/binary"
	"fmt"
	"math"

	"kvasir/kernels"
)

// i16Cases are the kernels of attention over 16-bit integers: those of
// attentionCases for the default cache. Their bits are the same at every level.
func i16Cases() (cases []kernelCase) {
	const dim = 64
	k, v := i16Tiles(normals(dim*kernels.Slots, 3), dim)
	for _, rows := range []int{3, 48} {
		add := func(name string, tile []byte, run func(), out []float32) {
			name = fmt.Sprintf("attn/%s/i16/%d", name, rows)
			cases = append(cases, kernelCase{name: name, limit: limitExact, make: func(int, bool) (*job, error) {
				return repeated(run, out, len(tile), 2*dim*kernels.Slots*float64(rows)), nil
			}})
		}
		q, qs := make([]byte, 2*rows*dim), make([]float32, rows)
		for r, x := 0, normals(rows*dim, 4); r < rows; r++ {
			qs[r] = kernels.EncodeKeyI16(q[2*r*dim:], x[r*dim:(r+1)*dim])
		}
		s := make([]float32, rows*kernels.Slots)
		add("scores", k, func() { kernels.AttnScoresI16(s, q, qs, rows, k, dim) }, s)
		p, c, acc := normals(rows*kernels.Slots, 5), make([]float32, rows), make([]float32, rows*dim)
		w, ws := make([]byte, 2*rows*kernels.Slots), make([]float32, rows)
		add("accum", v, func() {
			kernels.AttnWeightsI16(w, ws, p, rows, v, dim, kernels.Slots)
			kernels.AttnAccumI16(acc, dim, w, ws, c, rows, v, dim, kernels.Slots)
		}, acc)
	}
	return cases
}

// i16Tiles encodes 32 vectors of dim, an even number, as a K and a V tile.
func i16Tiles(x []float32, dim int) (k, v []byte) {
	n := kernels.Slots * kernels.I16RowBytes(dim)
	k, v = make([]byte, n), make([]byte, n)
	row := make([]byte, 2*dim)
	scale := func(tile []byte, j int, s float32) {
		binary.LittleEndian.PutUint32(tile[2*dim*kernels.Slots+4*j:], math.Float32bits(s))
	}
	for j := range kernels.Slots {
		src := x[j*dim : (j+1)*dim]
		scale(k, j, kernels.EncodeKeyI16(row, src))
		for d := range dim {
			copy(k[2*((d/2*kernels.Slots+j)*2+d%2):], row[2*d:2*d+2])
		}
		scale(v, j, kernels.EncodeValueI16(row, src))
		for d := range dim {
			copy(v[2*((j/2*dim+d)*2+j%2):], row[2*d:2*d+2])
		}
	}
	return k, v
}
