package kernels

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPack16 compares with the layouts as they are defined, byte by byte.
func TestPack16(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(27, 1))
		for form := PackWords; form <= PackNibblesMin; form++ {
			for _, n := range []int{1, 2, 5, 18, pack16Piece + 3} {
				f := packForms[form]
				stride := n*f.block + n%3*2
				src := make([]byte, (RowGroup-1)*stride+n*f.block)
				for i := range src {
					src[i] = byte(rng.Uint32())
				}
				src = guardedCopy(t, src, n%64)
				codes, scales := guarded[byte](t, n*f.codes, n%7), guarded[byte](t, n*f.scales, n%5)
				if !Pack16(form, codes, scales, src, stride, n) {
					require.NotEqual(t, AVX512, level)
					continue
				}
				for r := range RowGroup {
					for b := range n {
						checkPack16(t, form, codes[b*f.codes:], scales[b*f.scales:], src[r*stride+b*f.block:][:f.block], r)
					}
				}
			}
		}
		require.False(t, Pack16(0, nil, nil, nil, 0, 1))
		require.False(t, Pack16(PackBytes, nil, nil, nil, 0, 0))
		require.Panics(t, func() { Pack16(PackBytes, make([]byte, 512), make([]byte, 32), make([]byte, 16*34-1), 34, 1) })
	})
}

// checkPack16 holds row r of one packed block to its source.
func checkPack16(t *testing.T, form PackForm, codes, scales, src []byte, r int) {
	t.Helper()
	at := map[PackForm]int{PackBytes: 2, PackNibbles: 2, PackNibblesMin: 4}[form]
	for o := 0; o < at; o += 2 {
		require.Equal(t, src[o:o+2], scales[16*o+2*r:][:2], "scale")
	}
	if form == PackWords {
		require.Equal(t, src, codes[4*r:4*r+4])
		return
	}
	for k := range KBlock {
		got, want := codes[(k/8*RowGroup+r)*4+k%4], byte(0)
		switch {
		case form == PackBytes:
			got, want = codes[(k/4*RowGroup+r)*4+k%4], src[at+k]^0x80
		case k < 16:
			want = src[at+k] & 15
		default:
			want = src[at+k-16] >> 4
		}
		if form != PackBytes {
			got = got >> (k / 4 % 2 * 4) & 15
		}
		require.Equal(t, want, got, "form %d row %d value %d", form, r, k)
	}
}
