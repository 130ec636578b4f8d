package kvasir_test

import (
	"context"
	"fmt"
	"hash/maphash"
	"math"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir"
	"kvasir/internal/golden"
	"kvasir/internal/tinymodel"
	"kvasir/kernels"
)

var hashSeed = maphash.MakeSeed()

// fingerprint tells logits apart to the bit.
func fingerprint(x []float32) uint64 {
	var h maphash.Hash
	h.SetSeed(hashSeed)
	var b [4]byte
	for _, v := range x {
		bits := math.Float32bits(v)
		b[0], b[1], b[2], b[3] = byte(bits), byte(bits>>8), byte(bits>>16), byte(bits>>24)
		h.Write(b[:])
	}
	return h.Sum64()
}

// trace returns the fingerprints of the logits after each token.
func trace(eng *kvasir.Engine, ids []int32) ([]uint64, error) {
	s, err := eng.NewSession()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	var out []uint64
	err = s.Logits(context.Background(), ids, func(_ int, x []float32) error {
		out = append(out, fingerprint(x))
		return nil
	})
	return out, err
}

// The real models give the same logits to the bit, however they are run.
func TestRealModelsAreDeterministic(t *testing.T) {
	for _, name := range []string{"smollm2", "gemma3-270m"} {
		t.Run(name, func(t *testing.T) {
			path := golden.Model(t, name)
			n, long := 150, 700
			switch {
			case kernels.Current() == kernels.Generic: // a second for a few tokens
				n, long = 4, 9
			case testing.Short():
				n, long = 8, 64
			}
			open := func(o kvasir.Options) *kvasir.Engine {
				o.Context = 1024
				eng, err := kvasir.Open(path, o)
				require.NoError(t, err)
				return eng
			}
			first := open(kvasir.Options{Threads: 2, Batch: 512})
			defer first.Close()
			ids := tinymodel.IDs(long, 20000) // of the frequent half
			want, err := trace(first, ids[:n])
			require.NoError(t, err)
			for _, o := range []kvasir.Options{{Threads: 1, Batch: 64}, {Threads: 4, Batch: 512}, {Threads: 2, Batch: 1}} {
				other := open(o)
				both := [2][]uint64{}
				var wg sync.WaitGroup
				for i, eng := range []*kvasir.Engine{first, other} { // side by side
					wg.Go(func() { both[i], _ = trace(eng, ids[:n/(2-i)]) })
				}
				wg.Wait()
				require.NoError(t, other.Close())
				require.Equal(t, want, both[1], "%d threads, passes of %d", o.Threads, o.Batch)
				require.Equal(t, want[:n/2], both[0], "while another engine runs")
			}
			forkAndTruncate(t, first, ids)
		})
	}
}

// forkAndTruncate cuts a session back, also by more than a sliding window
// remembers, so that it must be computed anew, and compares what follows.
func forkAndTruncate(t *testing.T, eng *kvasir.Engine, ids []int32) {
	ctx, n := context.Background(), len(ids)
	next := func(s *kvasir.Session) (sum uint64) {
		require.NoError(t, s.NextLogits(ctx, nil, func(x []float32) error {
			sum = fingerprint(x)
			return nil
		}))
		return sum
	}
	s := newSession(t, eng)
	require.NoError(t, s.Prefill(ctx, kvasir.Prompt{Tokens: ids}))
	want := next(s)
	fork, err := s.Fork()
	require.NoError(t, err)
	for _, cut := range []int{n - 1, n - 50, n / 8} {
		if cut < 1 {
			continue
		}
		require.NoError(t, s.Truncate(cut))
		require.NoError(t, s.Prefill(ctx, kvasir.Prompt{Tokens: ids[cut:]}))
		require.Equal(t, want, next(s), fmt.Sprintf("cut to %d", cut))
	}
	require.Equal(t, want, next(fork), "fork")
	require.NoError(t, fork.Close())
}
