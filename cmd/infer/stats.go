package main

import (
	"fmt"
	"strings"
	"time"

	"kvasir"
	"kvasir/kvcache"
)

// runStats are the statistics of one generation. Tags are the JSON names.
type runStats struct {
	LoadSeconds   float64 `json:"load_s"`
	FirstSeconds  float64 `json:"first_token_s"` // from the start of the command
	PromptPerSec  float64 `json:"prompt_per_s"`
	DecodePerSec  float64 `json:"decode_per_s"`
	WeightBytes   int64   `json:"weight_bytes"`
	CacheBytes    int64   `json:"cache_bytes"`
	OtherBytes    int64   `json:"other_bytes"`
	ResidentBytes int64   `json:"resident_bytes"`
	Threads       int     `json:"threads"`
	Level         string  `json:"level"`
	KVType        string  `json:"kv_type"`

	Cache kvcache.SeqStats `json:"cache"`

	Speculation *speculationStats `json:"speculation,omitempty"`

	began, ready, first, last time.Time
	prompt, tokens            int
}

// start notes the start of the command; the model is loaded by now.
func (s *runStats) start(began time.Time) { s.began, s.ready = began, time.Now() }

// token notes that a token came.
func (s *runStats) token() {
	s.last = time.Now()
	if s.first.IsZero() {
		s.first = s.last
	}
}

func (s *runStats) finish(eng *kvasir.Engine, prompt, tokens int) {
	s.prompt, s.tokens = prompt, tokens
	s.LoadSeconds = s.ready.Sub(s.began).Seconds()
	if tokens > 0 {
		s.FirstSeconds = s.first.Sub(s.began).Seconds()
		s.PromptPerSec = rate(prompt, s.first.Sub(s.ready))
		s.DecodePerSec = rate(tokens-1, s.last.Sub(s.first))
	}
	m := eng.Memory()
	s.WeightBytes, s.CacheBytes, s.OtherBytes, s.ResidentBytes = m.Weights, m.Cache, m.Other, m.Resident
	i := eng.Info()
	s.Threads, s.Level, s.KVType = i.Threads, i.Level, i.KVType
}

func rate(n int, d time.Duration) float64 {
	if n <= 0 || d <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}

func (s *runStats) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nprompt   %6d tokens  %8.1f tokens/s   first token after %.2f s (load %.2f s)\n", s.prompt, s.PromptPerSec, s.FirstSeconds, s.LoadSeconds)
	fmt.Fprintf(&b, "decode   %6d tokens  %8.1f tokens/s   %d threads, %s, cache %s\n", s.tokens, s.DecodePerSec, s.Threads, s.Level, s.KVType)
	b.WriteString(cacheLine(&s.Cache))
	fmt.Fprintf(&b, "memory   %s = weights %s + cache %s + other %s\n", byteSize(s.ResidentBytes), byteSize(s.WeightBytes), byteSize(s.CacheBytes), byteSize(s.OtherBytes))
	if s.Speculation != nil {
		b.WriteString(s.Speculation.String())
	}
	return b.String()
}
