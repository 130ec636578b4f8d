package kvasir_test

import (
	"context"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kvasir"
	"kvasir/internal/golden"
)

// BenchmarkStreams generates with so many jobs at a time; tok/s counts all of
// them, pass-ms is the mean duration of a pass.
func BenchmarkStreams(b *testing.B) {
	path := golden.Model(b, "smollm2")
	for _, n := range []int{1, 8, 32} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			eng, err := kvasir.Open(path, kvasir.Options{Context: 1024})
			require.NoError(b, err)
			defer eng.Close()
			var passes int
			var took time.Duration
			require.NoError(b, eng.SetSchedule(kvasir.Schedule{OnPass: func(p kvasir.PassInfo) {
				passes++
				took += p.Took
			}}))
			const tokens = 64
			total := 0
			for b.Loop() {
				var wg sync.WaitGroup
				for i := range n {
					wg.Go(func() {
						o := greedy(tokens)
						o.Sampling.IgnoreEOS = true
						j, err := eng.Submit(context.Background(), kvasir.Request{Prompt: kvasir.Text(fmt.Sprintf("Story number %d: once upon a time", i)), GenerateOptions: o})
						if err != nil {
							b.Error(err)
							return
						}
						for err == nil {
							_, err = j.Next(context.Background())
						}
						if err != io.EOF {
							b.Error(err)
						}
					})
				}
				wg.Wait()
				total += n * tokens
			}
			b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "tok/s")
			b.ReportMetric(took.Seconds()*1e3/float64(max(1, passes)), "pass-ms")
		})
	}
}
