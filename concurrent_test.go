package kvasir_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kvasir"
	"kvasir/internal/tinymodel"
	"kvasir/quant"
)

// job is one generation of the concurrency tests, different for each i.
func job(i int) (kvasir.Prompt, kvasir.GenerateOptions) {
	o := kvasir.GenerateOptions{MaxTokens: 10 + i%7}
	o.Sampling.Seed = kvasir.FixedSeed(uint64(i))
	return kvasir.Prompt{Tokens: tinymodel.IDs(20+9*i, 287)[9*i:]}, o
}

// Sessions that run side by side get what each gets alone.
func TestConcurrentSessions(t *testing.T) {
	const sessions = 24
	for name, spec := range map[string]tinymodel.Spec{
		"windows": windowSpec,
		"experts": {Arch: "granite", MoE: true, Text: true, Type: quant.Q8_0},
	} {
		t.Run(name, func(t *testing.T) {
			eng := openTiny(t, spec, kvasir.Options{Batch: 16})
			var want [sessions][]int32
			for i := range want {
				p, o := job(i)
				want[i] = generate(t, newSession(t, eng), p, o).ids
			}
			var wg sync.WaitGroup
			errs := make([]error, sessions)
			for i := range sessions {
				wg.Go(func() { errs[i] = runJob(eng, i, want[i]) })
			}
			wg.Wait()
			require.NoError(t, errors.Join(errs...))
		})
	}
}

// runJob generates twice, once in a fork that is cut back, and once again under
// a context that ends in the middle.
func runJob(eng *kvasir.Engine, i int, want []int32) error {
	s, err := eng.NewSession()
	if err != nil {
		return err
	}
	defer s.Close()
	p, o := job(i)
	first, err := tryGenerate(context.Background(), s, p, o)
	if err != nil {
		return err
	}
	f, err := s.Fork()
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(20); err != nil {
		return err
	}
	broken, err := tryGenerate(newCancelAfter(9), f, kvasir.Prompt{}, o)
	if !errors.Is(err, context.Canceled) {
		return fmt.Errorf("job %d: %v instead of a cancellation", i, err)
	}
	o.MaxTokens -= len(broken.ids)
	rest, err := tryGenerate(context.Background(), f, kvasir.Prompt{}, o)
	if err != nil {
		return err
	}
	for _, got := range [][]int32{first.ids, append(broken.ids, rest.ids...)} {
		if fmt.Sprint(got) != fmt.Sprint(want) {
			return fmt.Errorf("job %d: %v, want %v", i, got, want)
		}
	}
	eng.Stats()
	eng.Memory()
	return nil
}

// Closing the engine under running sessions ends them with ErrClosed.
func TestCloseWhileRunning(t *testing.T) {
	eng, err := kvasir.Open(tinyFile(t, textSpec), kvasir.Options{})
	require.NoError(t, err)
	const sessions = 8
	var started, wg sync.WaitGroup
	errs := make([]error, sessions)
	started.Add(sessions)
	for i := range sessions {
		s, err := eng.NewSession()
		require.NoError(t, err)
		wg.Go(func() {
			defer s.Close()
			first := true
			for _, err := range s.Generate(context.Background(), kvasir.Text("hello"), greedy(0)) {
				errs[i] = err
				if first {
					started.Done()
				}
				first = false
			}
		})
	}
	started.Wait()
	require.NoError(t, eng.Close())
	wg.Wait()
	for _, err := range errs {
		if err != nil { // a short text may have come to its end before
			require.ErrorIs(t, err, kvasir.ErrClosed)
		}
	}
	require.Zero(t, eng.Stats().CacheBytes)
	require.Zero(t, eng.Stats().Sessions)
}

// Engines leave no goroutine behind.
func TestNoGoroutineLeaks(t *testing.T) {
	before := runtime.NumGoroutine()
	for i := range 5 {
		eng, err := kvasir.Open(tinyFile(t, textSpec), kvasir.Options{Threads: 4})
		require.NoError(t, err)
		s, err := eng.NewSession()
		require.NoError(t, err)
		generate(t, s, kvasir.Text("hello"), greedy(3))
		_, err = tryGenerate(newCancelAfter(i), s, kvasir.Text("hello"), greedy(3))
		require.ErrorIs(t, err, context.Canceled)
		require.NoError(t, s.Close())
		require.NoError(t, eng.Close())
		_, err = kvasir.Open(tinyFile(t, tinymodel.Spec{Arch: "llama", Wide: true}), kvasir.Options{KVType: "q4_0", Context: -1})
		require.Error(t, err)
	}
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	buf := make([]byte, 1<<16)
	t.Fatalf("%d goroutines before, %d after:\n%s", before, runtime.NumGoroutine(), buf[:runtime.Stack(buf, true)])
}

// A step of a session allocates nothing.
func TestSessionAllocations(t *testing.T) {
	eng := openTiny(t, textSpec, kvasir.Options{})
	ctx := context.Background()
	s := newSession(t, eng)
	require.NoError(t, s.Prefill(ctx, kvasir.Prompt{Tokens: tinymodel.IDs(200, 287)}))

	one := []int32{5}
	emit := func([]float32) error { return nil }
	n := testing.AllocsPerRun(100, func() {
		if err := s.NextLogits(ctx, one, emit); err != nil {
			panic(err)
		}
	})
	require.Zero(t, n, "NextLogits")

	next, stop := pull(s.Generate(ctx, kvasir.Prompt{}, greedy(0)))
	defer stop()
	next() // the chain and its buffers
	require.Zero(t, testing.AllocsPerRun(100, next), "a generated token")
}

// pull turns a generation into a function that makes one token.
func pull(seq func(func(kvasir.Token, error) bool)) (next func(), stop func()) {
	steps, done := make(chan bool), make(chan bool)
	go func() {
		defer close(done)
		if !<-steps {
			return
		}
		seq(func(_ kvasir.Token, err error) bool {
			if err != nil {
				panic(err)
			}
			done <- true
			return <-steps
		})
	}()
	return func() { steps <- true; <-done }, func() { steps <- false; <-done }
}
