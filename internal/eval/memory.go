package eval

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kvasir"
)

// MemoryOptions configure a record of where memory goes.
type MemoryOptions struct {
	Prompt int // tokens fed as a prompt before those fed one by one
	Tokens int // all together
	Every  int // tokens between samples
	// Progress, when set, is called after each sample.
	Progress func(set *Setting, s MemorySample)
}

// MemorySample is a moment of a record, in bytes. Weights, KV and Other add up to
// RSS, which is what the operating system counts.
type MemorySample struct {
	Tokens  int   `json:"tokens"`
	Weights int64 `json:"weights"`
	KV      int64 `json:"kv"`
	// Slots is the mean over the lanes that a policy may touch.
	Slots float64 `json:"slots"`
	Other int64   `json:"other"`
	RSS   int64   `json:"rss"`
	// TokensPerSecond since the sample before; 0 at the first.
	TokensPerSecond float64 `json:"tokens_per_s"`
}

// MemoryResult is the record of a setting. Tags are the JSON names.
type MemoryResult struct {
	Kind      string `json:"kind"`
	Policy    string `json:"policy"`
	KV        string `json:"kv"`
	KVType    string `json:"kv_type"`
	Attention string `json:"attention"`
	Prompt    int    `json:"prompt"`
	KVPeak    int64  `json:"kv_peak"`
	RSSPeak   int64  `json:"rss_peak"`
	// Ended says why a record is shorter than asked for; "" when it is not.
	Ended  string         `json:"ended"`
	Series []MemorySample `json:"series"`
}

// Memory records where memory goes while a text is fed token by token, round and
// round, with each setting by itself. The samples count the whole process, so the
// engines of other settings are closed before.
func (r *Runner) Memory(ctx context.Context, text []int32, settings []Setting, o MemoryOptions) ([]MemoryResult, error) {
	if o.Tokens < 1 || o.Every < 1 || o.Prompt < 0 || o.Prompt > o.Tokens {
		return nil, fmt.Errorf("%w: %d tokens with a sample every %d and a prompt of %d", ErrSetting, o.Tokens, o.Every, o.Prompt)
	}
	if len(text) == 0 {
		return nil, fmt.Errorf("%w: no tokens", ErrShortText)
	}
	var out []MemoryResult
	for i := range settings {
		if err := r.Close(); err != nil {
			return nil, err
		}
		res, err := r.memory(ctx, text, &settings[i], o)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", &settings[i], err)
		}
		out = append(out, *res)
	}
	return out, nil
}

func (r *Runner) memory(ctx context.Context, text []int32, set *Setting, o MemoryOptions) (res *MemoryResult, err error) {
	if set.Ratio > 0 {
		return nil, fmt.Errorf("%w: name a budget: bytes=%g is a share of a dense cache that is never filled here", ErrSetting, set.Ratio)
	}
	res = &MemoryResult{Kind: "memory", Policy: set.Policy(), KV: set.KV, KVType: set.Type, Attention: set.Attention, Prompt: o.Prompt}
	eng, err := r.engine(set)
	if err != nil {
		return nil, err
	}
	s, err := r.session(set, 0)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	at := func(i int) int32 { return text[i%len(text)] }
	prompt := make([]int32, o.Prompt)
	for i := range prompt {
		prompt[i] = at(i)
	}
	if o.Prompt > 0 {
		if err := s.Prefill(ctx, kvasir.Prompt{Tokens: prompt}); err != nil {
			return nil, err
		}
	}
	began, since := time.Now(), 0
	sample := func(n int) {
		m := eng.Memory()
		ms := MemorySample{Tokens: n, Weights: m.Weights, KV: m.Cache, Other: m.Other, RSS: m.Resident, Slots: s.CacheStats().Slots}
		if since > 0 {
			ms.TokensPerSecond = float64(since) / time.Since(began).Seconds()
		}
		began, since = time.Now(), 0
		res.Series = append(res.Series, ms)
		res.KVPeak, res.RSSPeak = max(res.KVPeak, ms.KV), max(res.RSSPeak, ms.RSS)
		if o.Progress != nil {
			o.Progress(set, ms)
		}
	}
	sample(o.Prompt)
	for n := o.Prompt; n < o.Tokens; n++ {
		err := feed(ctx, s, []int32{at(n)}, 1)
		var full *kvasir.ContextError
		if errors.As(err, &full) {
			res.Ended = err.Error()
			break
		}
		if err != nil {
			return nil, err
		}
		since++
		if (n+1-o.Prompt)%o.Every == 0 || n+1 == o.Tokens {
			sample(n + 1)
		}
	}
	return res, nil
}
