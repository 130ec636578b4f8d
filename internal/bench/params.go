package bench

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Params are lists of values; every combination is a test. Empty lists stand for
// the one default value.
type Params struct {
	Models     []string // files
	Prompt     []int    // tokens of prefill tests; 0 = none
	Gen        []int    // tokens of decode tests; 0 = none
	PromptGen  [][2]int // tokens of tests that do both
	Depth      []int    // tokens in the cache before a test
	Threads    []int
	Batch      []int
	Streams    []int // sequences that decode side by side
	KVType     []string
	KV         []string
	Attention  []string
	Precision  []string
	Reps       int
	SkipWarmup bool
	Delay      time.Duration // before each test
}

// Setting is one test.
type Setting struct {
	Engine
	Depth, Prompt, Gen, Streams int
}

// Engine is how a model is opened. Tests with the same Engine share one.
type Engine struct {
	Model                            string
	Threads, Batch                   int
	KVType, KV, Attention, Precision string
}

// Name is what llama-bench calls the test: "pp512", "tg128 @ d4096".
func (s Setting) Name() string {
	var name string
	switch {
	case s.Gen == 0:
		name = fmt.Sprintf("pp%d", s.Prompt)
	case s.Prompt == 0:
		name = fmt.Sprintf("tg%d", s.Gen)
	default:
		name = fmt.Sprintf("pp%d+tg%d", s.Prompt, s.Gen)
	}
	if s.Streams > 1 {
		name = fmt.Sprintf("%s x%d", name, s.Streams)
	}
	if s.Depth > 0 {
		name = fmt.Sprintf("%s @ d%d", name, s.Depth)
	}
	return name
}

// tokens is how many tokens a sequence has at the end.
func (s Setting) tokens() int { return s.Depth + s.Prompt + s.Gen }

// Settings returns the tests in an order that loads every model as rarely as can be
// and fills every depth once.
func (p *Params) Settings() []Setting {
	engines := []Engine{{}}
	engines = cross(engines, p.Models, func(e *Engine, v string) { e.Model = v })
	engines = cross(engines, p.Batch, func(e *Engine, v int) { e.Batch = v })
	engines = cross(engines, p.KVType, func(e *Engine, v string) { e.KVType = v })
	engines = cross(engines, p.KV, func(e *Engine, v string) { e.KV = v })
	engines = cross(engines, p.Attention, func(e *Engine, v string) { e.Attention = v })
	engines = cross(engines, p.Precision, func(e *Engine, v string) { e.Precision = v })
	engines = cross(engines, p.Threads, func(e *Engine, v int) { e.Threads = v })
	var settings []Setting
	for _, e := range engines {
		settings = append(settings, Setting{Engine: e, Streams: 1})
	}
	settings = cross(settings, p.Depth, func(s *Setting, v int) { s.Depth = v })
	var out []Setting
	for _, s := range settings {
		out = append(out, p.tests(s)...)
	}
	return out
}

// tests returns the tests at one depth: prefill, decode, both.
func (p *Params) tests(s Setting) (out []Setting) {
	for _, n := range p.Prompt {
		if s.Prompt = n; n > 0 {
			out = append(out, s)
		}
	}
	s.Prompt = 0
	decodes := cross([]Setting{s}, p.Streams, func(s *Setting, v int) { s.Streams = v })
	for _, d := range decodes {
		for _, n := range p.Gen {
			if d.Gen = n; n > 0 {
				out = append(out, d)
			}
		}
	}
	for _, pg := range p.PromptGen {
		if s.Prompt, s.Gen = pg[0], pg[1]; pg != [2]int{} {
			out = append(out, s)
		}
	}
	return out
}

// cross returns each of base with each of values set; base where there are none.
func cross[T, V any](base []T, values []V, set func(*T, V)) []T {
	if len(values) == 0 {
		return base
	}
	out := make([]T, 0, len(base)*len(values))
	for _, b := range base {
		for _, v := range values {
			c := b
			set(&c, v)
			out = append(out, c)
		}
	}
	return out
}

// maxList bounds the values of a range.
const maxList = 10000

// ParseInts reads numbers from 0 to most: "512", "1,2,4", "first-last",
// "first-last+step" and "first-last*factor" as llama-bench has them.
func ParseInts(text string, most int) ([]int, error) {
	var out []int
	for part := range strings.SplitSeq(text, ",") {
		list, err := parseRange(part, most)
		if err != nil {
			return nil, err
		}
		if out = append(out, list...); len(out) > maxList {
			return nil, fmt.Errorf("%q: more than %d values", text, maxList)
		}
	}
	return out, nil
}

func parseRange(text string, most int) (out []int, err error) {
	from, to, isRange := strings.Cut(text, "-")
	step, times := "1", false
	if at := strings.IndexAny(to, "+*"); isRange && at >= 0 {
		to, step, times = to[:at], to[at+1:], to[at] == '*'
	}
	if !isRange {
		to = from
	}
	var n [3]int
	for i, s := range []string{from, to, step} {
		if n[i], err = strconv.Atoi(s); err != nil || n[i] < 0 || n[i] > most {
			return nil, fmt.Errorf("%q: want a number from 0 to %d, or a range first-last, first-last+step or first-last*factor", text, most)
		}
	}
	for v := n[0]; v <= n[1]; {
		if out = append(out, v); len(out) > maxList {
			return nil, fmt.Errorf("%q: more than %d values", text, maxList)
		}
		next := v + n[2]
		if times {
			next = v * n[2]
		}
		if next <= v {
			return nil, fmt.Errorf("%q: the range does not advance", text)
		}
		v = next
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%q: the range is empty", text)
	}
	return out, nil
}

// ParsePair reads "pp,tg".
func ParsePair(text string, most int) (pair [2]int, err error) {
	a, b, ok := strings.Cut(text, ",")
	for i, s := range []string{a, b} {
		if pair[i], err = strconv.Atoi(s); !ok || err != nil || pair[i] < 0 || pair[i] > most {
			return pair, fmt.Errorf("%q: want two numbers from 0 to %d with a comma between", text, most)
		}
	}
	return pair, nil
}
