package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"kvasir"
	"kvasir/internal/parallel"
)

// Options of [Run] that are no part of a test.
type Options struct {
	Commit string // of the program, for the reports
	// SkipRoof leaves the roofs unmeasured, which saves 256 MiB and half a second.
	SkipRoof bool
	// Begin, when set, is called once, before the first test; Progress before every
	// test; Emit after it.
	Begin    func(Head) error
	Progress func(i, n int, s Setting)
	Emit     func(*Result) error
}

// Head is measured before the first test.
type Head struct {
	CPU       CPU
	Threads   []int     // 1 and every number of threads that is tested
	StreamGBs []float64 // the rate at which they read 256 MiB; nil when not measured
	Load      float64   // load average of the machine, -1 when unknown
}

// Run runs all tests of p. Every test begins with an untimed run (unless
// p.SkipWarmup), as llama-bench does: the whole prompt, and one decoded token.
// Tokens are random and the same in every run; logits are computed for the last
// token of a prompt and for every decoded one, and nothing is sampled.
func Run(ctx context.Context, p Params, o Options) error {
	if p.Reps < 1 {
		return fmt.Errorf("%d repetitions: must be at least 1", p.Reps)
	}
	r := &runner{p: p, o: o, settings: p.Settings(), cpu: ThisCPU(), dotPeak: map[int]float64{}}
	if len(r.settings) == 0 {
		return errors.New("nothing to do: all token counts are 0")
	}
	defer func() { _ = r.close() }() // of an engine that an error left open
	if err := r.head(); err != nil {
		return err
	}
	for i, s := range r.settings {
		if o.Progress != nil {
			o.Progress(i+1, len(r.settings), s)
		}
		if err := r.test(ctx, i); err != nil {
			return fmt.Errorf("%s: %s: %w", s.Model, s.Name(), err)
		}
	}
	return r.close()
}

// runner is the state between tests.
type runner struct {
	p        Params
	o        Options
	settings []Setting
	cpu      CPU
	streams  map[int]float64 // by threads
	dotPeak  map[int]float64 // by threads

	eng   *kvasir.Engine
	info  *kvasir.FileInfo
	base  *kvasir.Session // holds the tokens of the depth
	depth int             // of base; 0 = no base
	ids   []int32
	roofs map[int64]float64 // bandwidth by bytes, of the open engine
}

func (r *runner) head() error {
	h := Head{CPU: r.cpu, Load: Load(), Threads: []int{1}}
	seen := map[int]bool{1: true}
	for _, s := range r.settings {
		n := s.Threads
		if n == 0 {
			n = parallel.DefaultWorkers()
		}
		if !seen[n] {
			seen[n] = true
			h.Threads = append(h.Threads, n)
		}
	}
	if !r.o.SkipRoof {
		rates, err := Bandwidth(StreamBytes, h.Threads...)
		if err != nil {
			return fmt.Errorf("measure memory bandwidth: %w", err)
		}
		r.streams = map[int]float64{}
		for i, v := range rates {
			h.StreamGBs = append(h.StreamGBs, v/1e9)
			r.streams[h.Threads[i]] = v
		}
	}
	if r.o.Begin == nil {
		return nil
	}
	return r.o.Begin(h)
}

// open makes the engine of test i ready: the one that is open if it is the same.
func (r *runner) open(i int) error {
	s := r.settings[i]
	if r.eng != nil && i > 0 && r.settings[i-1].Engine == s.Engine {
		return nil
	}
	if err := r.close(); err != nil {
		return err
	}
	need := 0
	for _, t := range r.settings[i:] {
		if t.Engine != s.Engine {
			break
		}
		need = max(need, t.tokens())
	}
	var err error
	if r.info, err = kvasir.Inspect(s.Model); err != nil {
		return err
	}
	r.eng, err = kvasir.Open(s.Model, kvasir.Options{
		Context: need, Threads: s.Threads, Batch: s.Batch, KVType: s.KVType, KV: s.KV,
		Attention: s.Attention, Precision: s.Precision,
	})
	if err != nil {
		return err
	}
	r.ids, r.roofs = randomIDs(r.eng, need), map[int64]float64{}
	return nil
}

// randomIDs returns n tokens, the first one that which opens a text where the model
// wants it.
func randomIDs(eng *kvasir.Engine, n int) []int32 {
	rng := rand.New(rand.NewPCG(1, 2))
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = rng.Int32N(int32(eng.Info().Vocabulary))
	}
	if bos, add := eng.Tokenizer().BOS(); add && n > 0 {
		ids[0] = bos
	}
	return ids
}

func (r *runner) close() error {
	var errs []error
	if r.base != nil {
		errs = append(errs, r.base.Close())
	}
	if r.eng != nil {
		errs = append(errs, r.eng.Close())
	}
	r.base, r.eng, r.depth = nil, nil, 0
	return errors.Join(errs...)
}

func (r *runner) test(ctx context.Context, i int) error {
	if err := r.open(i); err != nil {
		return err
	}
	s := r.settings[i]
	if r.p.Delay > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(r.p.Delay):
		}
	}
	res := newResult(s, r.info, r.eng, r.cpu, r.o.Commit)
	if !r.p.SkipWarmup {
		warm := s
		warm.Depth, warm.Gen = 0, min(1, s.Gen)
		if _, err := r.sample(ctx, warm); err != nil {
			return err
		}
	}
	for range r.p.Reps {
		d, err := r.sample(ctx, s)
		if err != nil {
			return err
		}
		res.add(d)
	}
	if err := r.roof(s, res); err != nil {
		return err
	}
	if r.o.Emit == nil {
		return nil
	}
	return r.o.Emit(res)
}

// sample runs a test once and returns the time of what follows the depth.
func (r *runner) sample(ctx context.Context, s Setting) (time.Duration, error) {
	sessions, err := r.sessions(ctx, s)
	defer func() {
		for _, x := range sessions {
			_ = x.Close() // frees memory; the engine reports what is wrong with it
		}
	}()
	if err != nil {
		return 0, err
	}
	runtime.GC() // what came before does not count
	ids := r.ids[s.Depth:]
	start := time.Now()
	if s.Prompt > 0 {
		if err := sessions[0].NextLogits(ctx, ids[:s.Prompt], dropLogits); err != nil {
			return 0, err
		}
	}
	if err := r.decode(ctx, sessions, ids[s.Prompt:s.Prompt+s.Gen]); err != nil {
		return 0, err
	}
	return time.Since(start), nil
}

// decode appends ids one by one to all sessions.
func (r *runner) decode(ctx context.Context, sessions []*kvasir.Session, ids []int32) error {
	if len(sessions) == 1 {
		for i := range ids {
			if err := sessions[0].NextLogits(ctx, ids[i:i+1], dropLogits); err != nil {
				return err
			}
		}
		return nil
	}
	same := make([]int32, len(sessions))
	for _, id := range ids {
		for i := range same {
			same[i] = id
		}
		if err := r.eng.Step(ctx, sessions, same, func(int, []float32) error { return nil }); err != nil {
			return err
		}
	}
	return nil
}

func dropLogits([]float32) error { return nil }

// sessions returns sessions that hold the tokens of the depth, also with an error.
// Several streams share no memory, as those of different users would not.
func (r *runner) sessions(ctx context.Context, s Setting) (out []*kvasir.Session, err error) {
	if s.Depth > 0 && s.Streams == 1 {
		if err := r.fill(ctx, s.Depth); err != nil {
			return nil, err
		}
		x, err := r.base.Fork()
		if err != nil {
			return nil, err
		}
		return []*kvasir.Session{x}, nil
	}
	for range s.Streams {
		x, err := r.eng.NewSession()
		if err != nil {
			return out, err
		}
		out = append(out, x)
		if err := x.Prefill(ctx, kvasir.Prompt{Tokens: r.ids[:s.Depth:s.Depth]}); err != nil {
			return out, err
		}
	}
	return out, nil
}

// fill makes the base session hold depth tokens.
func (r *runner) fill(ctx context.Context, depth int) error {
	if r.base != nil && r.depth == depth {
		return nil
	}
	if r.base != nil {
		if err := r.base.Close(); err != nil {
			return err
		}
		r.base = nil
	}
	var err error
	if r.base, err = r.eng.NewSession(); err != nil {
		return err
	}
	r.depth = depth
	return r.base.Prefill(ctx, kvasir.Prompt{Tokens: r.ids[:depth]})
}

// maxRoofBytes bounds the set whose bandwidth is measured: above it lies the same
// memory.
const maxRoofBytes = 512 << 20

// roof compares a result with the machine.
func (r *runner) roof(s Setting, res *Result) error {
	w := WorkOf(r.info)
	switch {
	case s.Gen == 0:
		res.OpsPerToken = 2 * w.LayerMACs
		res.GOPs = float64(res.OpsPerToken) * res.AvgTS / 1e9
	case s.Prompt == 0:
		cache, err := r.info.CacheBytes(s.Depth+(s.Gen+1)/2, res.TypeK)
		if err != nil {
			return err
		}
		res.BytesPerPass = w.WeightBytes + int64(s.Streams)*cache
		res.GBs = float64(res.BytesPerPass) * res.AvgTS / float64(s.Streams) / 1e9
	}
	if r.o.SkipRoof {
		return nil
	}
	res.StreamGBs = r.streams[res.Threads] / 1e9
	if res.OpsPerToken > 0 {
		if _, ok := r.dotPeak[res.Threads]; !ok {
			r.dotPeak[res.Threads] = DotPeak(res.Threads)
		}
		if res.RoofGOPs = r.dotPeak[res.Threads] / 1e9; res.RoofGOPs > 0 {
			res.Share = res.GOPs / res.RoofGOPs
		}
	}
	if res.BytesPerPass == 0 {
		return nil
	}
	set := min(res.BytesPerPass, maxRoofBytes)
	if _, ok := r.roofs[set]; !ok {
		rates, err := Bandwidth(int(set), res.Threads)
		if err != nil {
			return fmt.Errorf("measure memory bandwidth: %w", err)
		}
		r.roofs[set] = rates[0]
	}
	res.RoofGBs = r.roofs[set] / 1e9
	res.Share = res.GBs / res.RoofGBs
	return nil
}
