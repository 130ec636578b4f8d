package kvasir

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"kvasir/internal/gguf"
	"kvasir/internal/parallel"
	"kvasir/internal/tokenizer"
	"kvasir/kernels"
	"kvasir/kvcache"
	"kvasir/model"
	"kvasir/sampler"
)

// Engine is a loaded model. It is safe for concurrent use.
type Engine struct {
	opts     *resolved
	file     *gguf.File
	tok      *tokenizer.Tokenizer // nil when the file has no vocabulary that we know: token ids only
	noTok    error                // why
	dry      *sampler.Breakers    // nil without a vocabulary
	model    *model.Model
	cache    *kvcache.Cache
	pool     *parallel.Pool
	own      ownTemplate
	limit    compiled          // grammars
	prefixes *kvcache.Prefixes // nil = prompts are not kept
	key      [32]byte          // fingerprint of the model

	schedMu     sync.Mutex // guards the scheduler's coming and going
	sched       *scheduler // nil until the first job
	schedule    Schedule
	schedClosed bool

	mu     sync.Mutex // one pass at a time; guards what follows
	state  *model.State
	closed bool
	live   int // open sessions
}

// Open maps and checks the model, packs its weights and allocates every buffer
// of a forward pass. Errors wrap ErrBadModel or ErrUnsupported when the file is
// at fault.
func Open(path string, o Options) (*Engine, error) {
	if err := kernels.LevelError(); err != nil {
		return nil, err
	}
	r, err := o.resolve()
	if err != nil {
		return nil, err
	}
	f, err := gguf.Open(path, gguf.Options{NoMmap: o.NoMmap})
	if err != nil {
		return nil, openError(err)
	}
	e := &Engine{opts: r, file: f}
	if err := e.load(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, errors.Join(err, e.release()))
	}
	return e, nil
}

// openError marks what the reader found wrong with a file.
func openError(err error) error {
	for _, s := range []error{gguf.ErrNotGGUF, gguf.ErrVersion, gguf.ErrCorrupt, gguf.ErrTruncated} {
		if errors.Is(err, s) {
			return fmt.Errorf("%w: %w", ErrBadModel, err)
		}
	}
	return err
}

func (e *Engine) load() error {
	cfg, err := model.LoadConfig(e.file)
	if err != nil {
		return err
	}
	if e.opts.Context == 0 {
		e.opts.Context = min(cfg.ContextLength, maxDefault)
	}
	e.own.source, _ = e.file.String("tokenizer.chat_template") // the file may be closed when it is parsed
	// The vocabulary is parsed while the weights are packed.
	tokErr := make(chan error, 1)
	go func() { tokErr <- e.loadTokenizer() }()
	e.pool = parallel.New(e.opts.Threads)
	e.key = fingerprint(e.file, e.opts) // before packing drops the pages of the file
	e.model, err = model.Load(e.file, e.pool, e.opts.Context)
	if terr := <-tokErr; err == nil {
		err = terr
	}
	if err != nil {
		return err
	}
	e.cache, err = kvcache.Open(kvcache.Config{
		Layers: e.model.CacheLayers(), K: e.opts.k, V: e.opts.k, Ctx: e.opts.Context, PoolBytes: e.opts.CacheBytes,
		Trained: cfg.ContextLength, Workers: e.pool, ModelKey: e.key,
	})
	if err != nil {
		return err
	}
	seq, err := e.cache.NewSeq(e.opts.KV) // its parameters are checked against the model
	if err != nil {
		return fmt.Errorf("kv: %w", err)
	}
	seq.Close()
	if e.opts.PrefixBytes > 0 {
		e.prefixes = e.cache.NewPrefixes(e.opts.PrefixBytes)
	}
	e.state = e.model.NewState(e.pool, e.cache, e.opts.selector, e.opts.prec, min(e.opts.Batch, e.opts.Context))
	return nil
}

// loadTokenizer reads the vocabulary. A kind that we lack is no error: the
// model runs on token ids.
func (e *Engine) loadTokenizer() error {
	var err error
	e.tok, err = tokenizer.New(e.file)
	if errors.Is(err, tokenizer.ErrUnsupported) {
		e.noTok = fmt.Errorf("%w: %w: only token ids can be used", ErrUnsupported, err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBadModel, err)
	}
	e.dry = sampler.NewBreakers(e.tok.Size(), e.tok.PieceSpecial, func(text string) []int32 {
		return e.tok.Encode(nil, text, tokenizer.Options{})
	})
	if e.opts.Logger != nil {
		for _, w := range e.tok.Warnings() {
			e.opts.Logger.Warn(w)
		}
	}
	return nil
}

// release frees whatever load got.
func (e *Engine) release() error {
	var errs []error
	if e.prefixes != nil {
		e.prefixes.Clear()
	}
	if e.cache != nil {
		errs = append(errs, e.cache.Close())
	}
	if e.pool != nil {
		e.pool.Close()
	}
	if e.model != nil {
		errs = append(errs, e.model.Close())
	}
	return errors.Join(append(errs, e.file.Close())...)
}

// Close waits for the running pass and frees the model; jobs end with
// ErrClosed, the calls of sessions
// that are still open then return ErrClosed, and the last of them to be closed
// frees the memory. It may be called more than once.
func (e *Engine) Close() error {
	e.stopScheduler()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil
	}
	e.closed = true
	if e.live > 0 {
		return nil
	}
	return e.release()
}

// enter counts a new session.
func (e *Engine) enter() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return ErrClosed
	}
	e.live++
	return nil
}

// leave uncounts a session whose sequence was closed.
func (e *Engine) leave() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.live--
	if e.closed && e.live == 0 {
		return e.release()
	}
	return nil
}

// forward runs one pass under the engine's lock.
func (e *Engine) forward(ctx context.Context, b *model.Batch, emit func(int, []float32) error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return ErrClosed
	}
	return e.state.Forward(ctx, e.cache, b, emit)
}

// Info describes a loaded model.
type Info struct {
	Name         string
	Architecture string
	Context      int // of the engine
	Trained      int // of the model
	Vocabulary   int
	Layers       int
	EmbedDim     int
	Threads      int
	Batch        int    // most tokens in one pass
	Level        string // CPU level of the kernels
	KVType       string
}

// Info describes the model.
func (e *Engine) Info() Info {
	c := e.model.Config()
	return Info{
		Name: c.Name, Architecture: c.Arch.Name, Context: e.opts.Context, Trained: c.ContextLength,
		Vocabulary: c.VocabSize, Layers: c.Layers, EmbedDim: c.EmbedDim,
		Threads: e.opts.Threads, Batch: e.opts.Batch, Level: kernels.Current().String(), KVType: e.opts.KVType,
	}
}

// Stats says where the engine's memory is.
type Stats struct {
	WeightBytes int64 // packed weights
	CacheBytes  int64 // blocks in use by sessions
	CachePeak   int64
	Sessions    int
}

// Stats returns a snapshot.
func (e *Engine) Stats() Stats {
	s := e.cache.Stats()
	return Stats{WeightBytes: e.model.PackedBytes(), CacheBytes: s.Bytes, CachePeak: s.Peak, Sessions: s.Seqs}
}
