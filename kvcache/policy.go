package kvcache

import (
	"encoding"
	"errors"
	"fmt"
	"sort"
	"strings"
)

// Policy decides what sequences keep. It never touches K or V bytes: its states
// write plans and the core carries them out. A policy only ever sees layers
// with full attention; windowed layers drop what nobody can see by themselves.
type Policy interface {
	// Name is the name that users select it by.
	Name() string
	// Help is one line: what it does, its parameters with their defaults.
	Help() string
	// New makes the state of one sequence in a cache of that layout. Parameters
	// that are unknown or out of range are errors.
	New(p Params, c *Config) (State, error)
}

// State is a policy at work on one sequence. Its methods are not called
// concurrently.
type State interface {
	// Needs says what the core has to keep for the policy. Always the same.
	Needs() Needs
	// Exact reports whether nothing was dropped, merged or approximated so far.
	Exact() bool
	// Due is asked after each pass and must be cheap.
	Due(e Event) bool
	// Compact fills the plans of c. An error leaves the sequence as it was. The
	// state may note what it planned: after a nil error the plans are carried
	// out, unless they are invalid or the pool is used up (see Undo).
	Compact(e Event, c *Compaction) error
	// Clone returns an independent copy, for a fork.
	Clone() State
	// Marshal and Unmarshal are for saved sessions. Unmarshal is called on the
	// state of a new sequence with the same parameters.
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
}

// Needs is what a state asks of the core.
type Needs struct {
	// Queries asks for the last n rotated queries of every full layer.
	Queries int
	// EveryQuery asks for up to n queries of the running prompt, evenly thinned;
	// they are gone after EndOfPrompt.
	EveryQuery int
	// Raw stores the keys of full layers without rotation and rotates them on
	// load to their slot number: positions in the cache instead of in the text.
	// All lanes must then keep equally many slots.
	Raw bool
	// Weights: slots may carry log weights.
	Weights bool
	// Keys: Compact reads keys.
	Keys bool
	// Endless: the state holds its budget whatever comes, so the context length
	// limits live slots instead of tokens.
	Endless bool
	// Slots is the most slots of a lane after a compaction, 0 = no bound; with
	// Endless it is used to tell in advance what a sequence may take.
	Slots int
}

// EventKind says when a state is asked.
type EventKind uint8

// Kinds of events.
const (
	EndOfPrompt EventKind = iota // the pass that finished a prompt was committed
	Pressure                     // after any other pass
	PoolLow                      // before a pass, because the pool has too little room for it
)

// Event is an occasion to compact.
type Event struct {
	Kind     EventKind
	Len      int  // tokens seen
	Live     int  // slots of the longest full lane
	Incoming int  // rows of the next pass if known, else 1
	Prompt   bool // with Pressure: a prompt is under way
}

// ErrPolicy says that a policy's plan contradicts itself or its state; a bug of
// the policy.
var ErrPolicy = errors.New("invalid plan of a cache policy")

// Policies are the policies that can be selected by name. A program may add its
// own before it opens an engine.
var Policies = map[string]Policy{
	"dense":   dense{},
	"sinks":   sinksPolicy{},
	"snapkv":  snapkvPolicy{},
	"chelsea": chelseaPolicy{},
	"lacache": lacachePolicy{},
	"auto":    autoPolicy{},
}

// dense keeps every token that a layer can see, until the context is full.
type dense struct{}

func (dense) Name() string { return "dense" }
func (dense) Help() string { return "keeps everything" }

func (dense) New(p Params, _ *Config) (State, error) { return denseState{}, p.Only() }

type denseState struct{}

func (denseState) Needs() Needs                      { return Needs{} }
func (denseState) Exact() bool                       { return true }
func (denseState) Due(Event) bool                    { return false }
func (denseState) Compact(Event, *Compaction) error  { return nil }
func (denseState) Clone() State                      { return denseState{} }
func (denseState) MarshalBinary() ([]byte, error)    { return nil, nil }
func (denseState) UnmarshalBinary(data []byte) error { return noState(data) }

// noState is UnmarshalBinary of a state without anything to remember.
func noState(data []byte) error {
	if len(data) > 0 {
		return fmt.Errorf("saved policy state of %d bytes: want none", len(data))
	}
	return nil
}

// LookupPolicy returns the policy that a specification such as
// "snapkv:budget=1024" names, and its parameters; "" means dense. The
// parameters are checked by Policy.New.
func LookupPolicy(spec string) (Policy, Params, error) {
	name, params, err := ParsePolicy(spec)
	if err != nil {
		return nil, nil, err
	}
	if p, ok := Policies[name]; ok {
		return p, params, nil
	}
	return nil, nil, fmt.Errorf("unknown cache policy %q: use one of %s", name, strings.Join(PolicyNames(), ", "))
}

// PolicyNames lists the names of the policies.
func PolicyNames() []string {
	names := make([]string, 0, len(Policies))
	for n := range Policies {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}
