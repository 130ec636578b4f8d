package kvcache

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// Slots that are copied, in runs and one by one, are the ones that were put, with
// nothing beside them touched.
func TestCopiedSlotsAreThoseThatWerePut(t *testing.T) {
	const dim = 64
	for _, ty := range []DType{F32, F16, BF16, Q8_0, Q4_0, I16} {
		t.Run(ty.String(), func(t *testing.T) {
			size := BlockSlots * ty.rowBytes(dim)
			r := rand.New(rand.NewPCG(3, uint64(ty)))
			rows, tmp := make([][]float32, BlockSlots), make([]byte, 4*dim+4)
			k, v := make([]byte, size), make([]byte, size)
			for j := range rows {
				for range dim {
					rows[j] = append(rows[j], float32(r.NormFloat64()))
				}
				ty.putK(k, j, rows[j], tmp)
				ty.putV(v, j, rows[j])
			}
			for _, c := range [][3]int{{0, 0, 32}, {3, 8, 1}, {5, 2, 2}, {1, 4, 9}, {30, 1, 2}} {
				to, from, n := c[0], c[1], c[2]
				gotK, gotV, wantK, wantV := make([]byte, size), make([]byte, size), make([]byte, size), make([]byte, size)
				ty.copyK(gotK, k, dim, to, from, n)
				ty.copyV(gotV, v, dim, to, from, n)
				row := make([]float32, dim)
				for j := range n {
					ty.putK(wantK, to+j, rows[from+j], tmp)
					ty.putV(wantV, to+j, rows[from+j])
					ty.rowV(row, gotV, to+j)
					for d, x := range row {
						near(t, ty, rows[from+j][d], x)
					}
				}
				require.Equal(t, wantK, gotK, "keys %v", c)
				require.Equal(t, wantV, gotV, "values %v", c)
			}
		})
	}
}
