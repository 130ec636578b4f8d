package speculate_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir/internal/speculate"
)

func TestLookup(t *testing.T) {
	for _, tc := range []struct {
		name        string
		text        []int32
		next, match int
	}{
		{"empty", nil, 0, 0},
		{"short", []int32{1}, 0, 0},
		{"new", []int32{1, 2, 3, 4}, 0, 0},
		{"one token is not enough", []int32{1, 2, 3, 1}, 0, 0},
		{"two", []int32{1, 2, 3, 1, 2}, 2, 2},
		{"the latest of equals", []int32{1, 2, 7, 1, 2, 8, 1, 2}, 5, 2},
		{"the longest before the latest", []int32{9, 1, 2, 7, 1, 2, 8, 9, 1, 2}, 3, 3},
		{"up to the limit", []int32{1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6}, 6, 5},
		{"a run", []int32{5, 5, 5, 5}, 3, 3},
	} {
		l := speculate.NewLookup(2)
		l.Push(tc.text...)
		next, match := l.Find(5)
		require.Equal(t, []int{tc.next, tc.match}, []int{next, match}, tc.name)
	}
	l := speculate.NewLookup(2)
	l.Push(1, 2, 3, 1, 2)
	next, _ := l.Find(5)
	var got []int32
	for i := range 7 {
		got = append(got, l.At(next, i))
	}
	require.Equal(t, []int32{3, 1, 2, 3, 1, 2, 3}, got)
}

// Cutting a text back leaves what a text of that length has.
func TestLookupTruncate(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		n := 1 + r.IntN(3)
		l := speculate.NewLookup(n)
		for range 6 {
			for range r.IntN(40) {
				l.Push(r.Int32N(4))
			}
			l.Truncate(r.IntN(l.Len() + 1))
			fresh := speculate.NewLookup(n)
			fresh.Push(l.Text()...)
			a, b := l.Find(9)
			c, d := fresh.Find(9)
			require.Equal(t, []int{c, d}, []int{a, b})
		}
	}
}
