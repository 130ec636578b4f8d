package kvasir_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kvasir"
	"kvasir/internal/golden"
)

// submitted submits a request and gathers what its continuations gave.
func submitted(eng *kvasir.Engine, r kvasir.Request) ([]generated, error) {
	ctx := context.Background()
	j, err := eng.Submit(ctx, r)
	if err != nil {
		return nil, err
	}
	out := make([]generated, max(1, r.N))
	for o, err := range j.Outputs(ctx) {
		if err != nil {
			return nil, err
		}
		g := &out[o.Index]
		g.text += o.Token.Text
		g.ids = append(g.ids, o.Token.ID)
		g.tokens = append(g.tokens, o.Token)
		g.finish = o.Token.Finish
	}
	return out, nil
}

func seeded(n int, seed uint64) kvasir.GenerateOptions {
	p := kvasir.DefaultSampling()
	p.Seed, p.Temperature = kvasir.FixedSeed(seed), 5
	return kvasir.GenerateOptions{MaxTokens: n, Sampling: p}
}

// mixed returns requests of different lengths and settings.
func mixed(n, long int) []kvasir.Request {
	words := strings.Fields("the quick brown fox jumps over a lazy dog while rain falls on the old town")
	var out []kvasir.Request
	for i := range n {
		r := kvasir.Request{GenerateOptions: greedy(12 + i%5), Key: fmt.Sprint("key", i%3)}
		if i%2 == 1 {
			r.GenerateOptions = seeded(10+i%7, uint64(i))
			r.TopLogprobs = 2
		}
		var b strings.Builder
		for w := range 3 + i*7%40 + i%4/3*long {
			b.WriteString(words[(w*5+i)%len(words)] + " ")
		}
		r.Prompt = kvasir.Text(b.String())
		out = append(out, r)
	}
	return out
}

// A request gives the same alone and among 16 others, and the same as a session.
func neighbours(t *testing.T, eng *kvasir.Engine, long int) {
	t.Helper()
	reqs := mixed(17, long)
	var alone []generated
	for _, r := range reqs {
		g, err := submitted(eng, r)
		require.NoError(t, err)
		alone = append(alone, g[0])
	}
	together := make([]generated, len(reqs))
	errs := make([]error, len(reqs))
	var wg sync.WaitGroup
	for i, r := range reqs {
		wg.Go(func() {
			g, err := submitted(eng, r)
			if errs[i] = err; err == nil {
				together[i] = g[0]
			}
		})
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	require.Equal(t, alone, together)
	for i := range 4 {
		s := newSession(t, eng)
		require.Equal(t, alone[i], generate(t, s, reqs[i].Prompt, reqs[i].GenerateOptions))
	}
}

func TestJobsDoNotDependOnNeighbours(t *testing.T) {
	neighbours(t, openTiny(t, textSpec, kvasir.Options{Batch: 48}), 60)
	neighbours(t, openTiny(t, windowSpec, kvasir.Options{Batch: 48}), 60)
}

func TestRealModelJobsDoNotDependOnNeighbours(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	eng, err := kvasir.Open(golden.Model(t, "smollm2"), kvasir.Options{Context: 1024})
	require.NoError(t, err)
	defer eng.Close()
	neighbours(t, eng, 150)
}

func TestContinuationsOfOnePrompt(t *testing.T) {
	eng := openTiny(t, textSpec, kvasir.Options{})
	r := kvasir.Request{Prompt: kvasir.Text("once upon a time"), GenerateOptions: seeded(20, 5), N: 4}
	four, err := submitted(eng, r)
	require.NoError(t, err)
	r.N = 2
	two, err := submitted(eng, r)
	require.NoError(t, err)
	require.Equal(t, four[:2], two)
	require.NotEqual(t, two[0].ids, two[1].ids)
	require.Len(t, four[3].ids, 20)
	r.N = 0
	one, err := submitted(eng, r)
	require.NoError(t, err)
	require.Equal(t, four[0], one[0])
	released(t, eng)
}

// released waits until no session is open.
func released(t *testing.T, eng *kvasir.Engine) {
	t.Helper()
	require.Eventually(t, func() bool {
		s := eng.Stats()
		return s.Sessions == 0 && s.CacheBytes == 0 && eng.SchedulerStats().Running == 0
	}, 5*time.Second, time.Millisecond, "in use")
}

func TestScoresEqualLogits(t *testing.T) {
	eng := openTiny(t, textSpec, kvasir.Options{Batch: 16})
	ids := eng.Tokenizer().Encode("the scores of a prompt are those of its logits", kvasir.EncodeOptions{})
	got, err := eng.Score(context.Background(), ids, 3)
	require.NoError(t, err)
	require.Len(t, got, len(ids))
	require.Zero(t, got[0].Logprob)
	s := newSession(t, eng)
	require.NoError(t, s.Logits(context.Background(), ids, func(pos int, x []float32) error {
		if pos+1 == len(ids) {
			return nil
		}
		sum, best := 0.0, float32(math.Inf(-1))
		for _, v := range x {
			sum += math.Exp(float64(v))
			best = max(best, v)
		}
		sc := got[pos+1]
		require.Equal(t, ids[pos+1], sc.ID)
		require.InDelta(t, float64(x[sc.ID])-math.Log(sum), sc.Logprob, 1e-4)
		require.Len(t, sc.Top, 3)
		require.InDelta(t, float64(best)-math.Log(sum), sc.Top[0].Logprob, 1e-4)
		return nil
	}))
	// a prompt that is scored and continued
	r := kvasir.Request{Prompt: kvasir.Prompt{Tokens: ids}, Score: true, GenerateOptions: greedy(3)}
	r.TopLogprobs = 3
	j, err := eng.Submit(context.Background(), r)
	require.NoError(t, err)
	require.NoError(t, j.Wait(context.Background()))
	require.Equal(t, got, j.Scores())
	require.Equal(t, 3, j.Usage().OutputTokens)
	require.Equal(t, len(ids), j.Usage().PromptTokens)
}

func TestQueueIsBounded(t *testing.T) {
	eng := openTiny(t, textSpec, kvasir.Options{})
	require.NoError(t, eng.SetSchedule(kvasir.Schedule{MaxRunning: 1, MaxWaiting: 3, MaxPerKey: 2, QueueTimeout: 30 * time.Millisecond}))
	ctx := context.Background()
	submit := func(key string) (*kvasir.Job, error) {
		o := greedy(400)
		o.Sampling.IgnoreEOS = true
		o.Logits = func(int, []float32) { time.Sleep(2 * time.Millisecond) }
		return eng.Submit(ctx, kvasir.Request{Prompt: kvasir.Text("a b c"), GenerateOptions: o, Key: key})
	}
	first, err := submit("a")
	require.NoError(t, err)
	_, err = first.Next(ctx) // it runs now
	require.NoError(t, err)
	var waiting []*kvasir.Job
	for _, key := range []string{"a", "a", "b"} {
		j, err := submit(key)
		require.NoError(t, err)
		waiting = append(waiting, j)
	}
	var full *kvasir.QueueError
	_, err = submit("c")
	require.ErrorAs(t, err, &full)
	require.ErrorIs(t, err, kvasir.ErrQueueFull)
	require.False(t, full.PerKey)
	require.GreaterOrEqual(t, full.RetryAfter, time.Second)
	require.NoError(t, waiting[2].Close())
	_, err = submit("a")
	require.ErrorAs(t, err, &full)
	require.True(t, full.PerKey)
	for _, j := range waiting[:2] {
		_, err := j.Next(ctx)
		require.ErrorIs(t, err, kvasir.ErrQueueTimeout)
	}
	require.NoError(t, first.Close())
	released(t, eng)
	require.Error(t, eng.SetSchedule(kvasir.Schedule{}))
}

// A job that is cancelled frees its place at once, whatever it is doing.
func TestCancelledJobsFreeTheirPlace(t *testing.T) {
	before := runtime.NumGoroutine()
	func() {
		eng, err := kvasir.Open(tinyFile(t, textSpec), kvasir.Options{Batch: 8, Context: 512})
		require.NoError(t, err)
		defer func() { require.NoError(t, eng.Close()) }()
		require.NoError(t, eng.SetSchedule(kvasir.Schedule{MaxRunning: 4, MaxWaiting: 1000, MaxPerKey: 1000}))
		long := strings.Repeat("many words in a prompt ", 20)
		for i := range 300 {
			ctx, cancel := context.WithCancel(context.Background())
			o := greedy(0)
			o.Sampling.IgnoreEOS = true
			r := kvasir.Request{Prompt: kvasir.Text(long[:20+i%400]), GenerateOptions: o, N: 1 + i%3}
			j, err := eng.Submit(ctx, r)
			require.NoError(t, err)
			if i%4 == 0 {
				_, err := j.Next(ctx)
				require.NoError(t, err)
			}
			time.AfterFunc(time.Duration(i%7)*300*time.Microsecond, cancel)
			if i%10 == 9 {
				_, err = j.Next(context.Background())
				for err == nil {
					_, err = j.Next(context.Background())
				}
				require.True(t, errors.Is(err, context.Canceled) || errors.Is(err, io.EOF), "%v", err)
			}
		}
		released(t, eng)
	}()
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+2 }, 5*time.Second, 5*time.Millisecond)
}

// A reader that is behind stops its own job, and goes on where it was.
func TestSlowReaders(t *testing.T) {
	eng := openTiny(t, textSpec, kvasir.Options{Context: 4096})
	o := greedy(2500)
	o.Sampling.IgnoreEOS = true
	r := kvasir.Request{Prompt: kvasir.Text("slow"), GenerateOptions: o}
	slow, err := eng.Submit(context.Background(), r)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return slow.Ready() >= 1024 }, 10*time.Second, time.Millisecond)
	fast, err := submitted(eng, r)
	require.NoError(t, err)
	require.Equal(t, 1024, slow.Ready(), "stalled")
	var ids []int32
	for o, err := range slow.Outputs(context.Background()) {
		require.NoError(t, err)
		ids = append(ids, o.Token.ID)
	}
	require.Equal(t, fast[0].ids, ids)
}

func TestErrorsOfOneJobAreItsOwn(t *testing.T) {
	eng := openTiny(t, textSpec, kvasir.Options{Context: 256})
	bad := greedy(10)
	bad.Logits = func(pos int, x []float32) { x[3] = float32(math.NaN()) }
	panics := greedy(10)
	panics.Logits = func(int, []float32) { panic("a bug of the caller") }
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			o, want := greedy(30), error(nil)
			switch i % 4 {
			case 1:
				o, want = bad, kvasir.ErrBadLogits
			case 3:
				o, want = panics, kvasir.ErrInternal
			}
			_, err := submitted(eng, kvasir.Request{Prompt: kvasir.Text("hello there"), GenerateOptions: o})
			if !errors.Is(err, want) {
				t.Errorf("job %d: %v, want %v", i, err, want)
			}
		})
	}
	wg.Wait()
	var long *kvasir.ContextError
	_, err := submitted(eng, kvasir.Request{Prompt: kvasir.Text(strings.Repeat("word ", 300))})
	require.ErrorAs(t, err, &long)
	_, err = submitted(eng, kvasir.Request{Prompt: kvasir.Prompt{Tokens: []int32{99999}}})
	require.Error(t, err)
	released(t, eng)
}

func TestPoolIsNeverExceeded(t *testing.T) {
	probe := openTiny(t, textSpec, kvasir.Options{Context: 256})
	s := newSession(t, probe)
	require.NoError(t, s.Prefill(context.Background(), kvasir.Prompt{Tokens: make([]int32, 200)}))
	pool := probe.Stats().CacheBytes * 2
	eng := openTiny(t, textSpec, kvasir.Options{Context: 256, CacheBytes: pool})
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			o := greedy(100)
			o.Sampling.IgnoreEOS = true
			_, err := submitted(eng, kvasir.Request{Prompt: kvasir.Text(strings.Repeat("w ", 10+i)), GenerateOptions: o})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.LessOrEqual(t, eng.Stats().CachePeak, pool)
	_, err := submitted(eng, kvasir.Request{Prompt: kvasir.Text("x"), N: 16})
	require.ErrorIs(t, err, kvasir.ErrPool)
}

func TestCloseEndsJobs(t *testing.T) {
	eng, err := kvasir.Open(tinyFile(t, textSpec), kvasir.Options{})
	require.NoError(t, err)
	o := greedy(0)
	o.Sampling.IgnoreEOS = true
	j, err := eng.Submit(context.Background(), kvasir.Request{Prompt: kvasir.Text("x"), GenerateOptions: o})
	require.NoError(t, err)
	require.NoError(t, eng.Close())
	for err == nil {
		_, err = j.Next(context.Background())
	}
	require.True(t, errors.Is(err, kvasir.ErrClosed) || errors.Is(err, io.EOF))
	_, err = eng.Submit(context.Background(), kvasir.Request{Prompt: kvasir.Text("x")})
	require.ErrorIs(t, err, kvasir.ErrClosed)
}

func TestEmbeddings(t *testing.T) {
	eng := openTiny(t, textSpec, kvasir.Options{Batch: 8})
	texts := []kvasir.Prompt{kvasir.Text("the first text, which is longer than a pass"), kvasir.Text("another")}
	for _, p := range []kvasir.Pooling{kvasir.PoolLast, kvasir.PoolMean, kvasir.PoolCLS} {
		v, n, err := eng.Embed(context.Background(), texts, kvasir.EmbedOptions{Pooling: p})
		require.NoError(t, err)
		require.Len(t, v, 2)
		require.Greater(t, n, 10)
		norm := 0.0
		for _, x := range v[0] {
			norm += float64(x) * float64(x)
		}
		require.Len(t, v[0], eng.Info().EmbedDim)
		require.InDelta(t, 1, norm, 1e-5)
		require.NotEqual(t, v[0], v[1])
		again, _, err := eng.Embed(context.Background(), texts[:1], kvasir.EmbedOptions{Pooling: p})
		require.NoError(t, err)
		require.Equal(t, v[:1], again)
	}
	_, _, err := eng.Embed(context.Background(), texts, kvasir.EmbedOptions{Pooling: "sum"})
	require.Error(t, err)
	released(t, eng)
}
