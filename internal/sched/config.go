// Package sched decides what the next forward pass computes.
//
// A [Core] holds waiting and running requests. For each pass it takes one row of
// every sequence that decodes and fills the rest of a time budget with pieces
// of prompts, so that a long prompt never stalls the streams beside it
// (Dynamic SplitFuse: Holmes et al., DeepSpeed-FastGen, arXiv 2401.08671;
// "stall-free" order: Agrawal et al., Sarathi-Serve, arXiv 2403.02310). Unlike
// both, the budget is a predicted time and not a number of tokens: on a CPU the
// attention of a prompt row at a deep position costs several times its matrices.
//
// Requests of different keys share the machine by served time (virtual token
// counter: Sheng et al., Fairness in Serving Large Language Models, arXiv
// 2401.00588). A request starts only when the bytes that it can ever hold fit
// into the pool, so that no running request fails for lack of memory.
//
// The package is pure: no clock, no goroutine, no memory of the model. The same
// calls give the same passes.
package sched

import "fmt"

// Time is a point of a monotonic clock or a duration, in nanoseconds.
type Time int64

// Durations.
const (
	Millisecond Time = 1e6
	Second      Time = 1e9
)

// Config bounds what a Core takes on. Zero fields stand for the defaults.
type Config struct {
	MaxRows    int   // most rows of a pass; 0 = 256
	MaxRunning int   // most sequences that run at a time, never above MaxRows; 0 = 64
	MaxWaiting int   // most waiting requests; 0 = 256
	MaxPerKey  int   // most waiting requests of one key; 0 = 64
	Pool       int64 // bytes that requests may hold together; 0 = no limit
	// Gamma is how many times the duration of a pass that only decodes a mixed
	// pass may take; 0 = 1.8.
	Gamma float64
	// Share of the time that is promised to prompts while others decode; 0 = 0.25.
	Share float64
	// Alone bounds a pass that nobody waits for but those in it; 0 = 80 ms.
	Alone Time
	// Tile is the rows of a kernel tile: the smallest piece, and what passes are
	// rounded up to; 0 = 6.
	Tile int
	// Overtake is how long requests may pass one that waits for memory; 0 = 2 s.
	Overtake Time
	// Unsplit computes prompts in pieces as large as fit, whoever waits. It is
	// there to be measured against.
	Unsplit bool
}

func (c Config) withDefaults() Config {
	def(&c.MaxRows, 256)
	def(&c.MaxRunning, 64)
	def(&c.MaxWaiting, 256)
	def(&c.MaxPerKey, 64)
	def(&c.Gamma, 1.8)
	def(&c.Share, 0.25)
	def(&c.Alone, 80*Millisecond)
	def(&c.Tile, 6)
	def(&c.Overtake, 2*Second)
	c.MaxRunning = min(c.MaxRunning, c.MaxRows)
	return c
}

func def[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

// MaxN is the most sequences of one request.
const MaxN = 16

// shortPrompt is what a prompt may have left to be a short one.
const shortPrompt = 256

// Req is a request. The zero values of Class, N, LogitsFrom, Until and Worst
// work.
type Req struct {
	ID     uint64 // unique among the requests that are not gone
	Key    uint64 // whose request it is, for fairness
	Class  int8   // the operator's priority, higher first
	Prompt int32  // tokens to compute, at least 1
	MaxNew int32  // most tokens to generate; 0 = the request ends with its prompt
	N      int16  // sequences after one prefill, up to MaxN; 0 = 1
	// Reused is how many of the prompt's tokens need no computing; below Prompt.
	Reused int32
	// LogitRows says that logits of all prompt rows from this one on are wanted;
	// Prompt-1 (the last row only) or less rows. 0 with AllLogits false = last.
	LogitsFrom int32
	AllLogits  bool
	Worst      int64 // bytes that it can ever hold
	Arrived    Time
	Until      Time // waits no longer than that; 0 = for ever
}

// Phase is where a request is.
type Phase uint8

// Phases.
const (
	Gone Phase = iota
	Waiting
	Prefill
	Decode
)

var phaseNames = [...]string{"gone", "waiting", "prefill", "decode"}

func (p Phase) String() string { return phaseNames[p] }

// FullError says that a queue is full.
type FullError struct {
	RetryAfter Time // predicted time until the key's next start, 1 to 60 s
	Ahead      int  // waiting requests of the key
	PerKey     bool // the key's queue is full, not the whole one
}

func (e *FullError) Error() string {
	what := "the queue is full"
	if e.PerKey {
		what = "the queue of this key is full"
	}
	return fmt.Sprintf("%s: %d requests wait", what, e.Ahead)
}

// TooBigError says that a request can never start.
type TooBigError struct{ Need, Pool int64 }

func (e *TooBigError) Error() string {
	return fmt.Sprintf("the request may need %d bytes of cache, the pool has %d", e.Need, e.Pool)
}

// Mode says what a slice computes.
type Mode uint8

// Modes.
const (
	ModeDecode Mode = iota // one row: the last token of a sequence
	ModePrompt             // a piece of a prompt
)

// Slice is the part of a pass that belongs to one sequence.
type Slice struct {
	ID   uint64
	Seq  int16
	Mode Mode
	From int32 // prompt position of the first row (ModePrompt)
	N    int32 // rows
	Last bool  // the piece ends the prompt
}

// Pass is what to compute next. Next reuses its memory.
type Pass struct {
	Slices    []Slice
	Rows      int32
	Decodes   int32
	Work      Work
	Predicted Time
}
