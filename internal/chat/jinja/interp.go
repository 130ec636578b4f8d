package jinja

import (
	"time"
)

// Options sets up one render.
type Options struct {
	Limits Limits
	// Now is the clock of strftime_now; nil means time.Now.
	Now func() time.Time
}

// Render runs the template with the given variables and returns its output,
// whose spans say what came from the input. The template may change lists and
// dicts reached through vars. An error is an *[Error].
func (t *Template) Render(vars *Dict, o Options) (*Str, error) {
	x := &interp{lim: o.Limits.withDefaults(), now: o.Now, filters: filters, tests: tests}
	if x.now == nil {
		x.now = time.Now
	}
	globals := &scope{}
	for name, call := range globalFuncs {
		globals.set(name, &function{name: name, call: call})
	}
	top := &scope{parent: globals}
	if vars != nil {
		for i, k := range vars.keys {
			if s, ok := k.(*Str); ok {
				globals.set(s.s, vars.vals[i])
			}
		}
	}
	x.scope = top
	x.out = x.newBuilder()
	if _, err := x.run(t.body); err != nil {
		return nil, locate(err, 1, "")
	}
	if x.failed != nil {
		return nil, locate(x.failed, 1, "output")
	}
	return x.out.str(), nil
}

// interp is the state of one render.
type interp struct {
	lim     Limits
	now     func() time.Time
	filters map[string]filterFunc
	tests   map[string]testFunc

	scope *scope
	out   *builder

	steps  int
	memory int64
	nest   int   // evaluation depth
	calls  int   // macro and recursive loop depth
	failed error // a limit hit where no error could be returned
}

// scope holds the variables of one frame. Names are few, so they are searched
// in order; the outermost scope is a map in effect only through its size.
type scope struct {
	names  []string
	vals   []Value
	index  map[string]int // set once the scope has grown
	parent *scope
}

// scopeIndexFrom is the number of names from which a scope keeps an index.
const scopeIndexFrom = 12

func (s *scope) find(name string) int {
	if s.index != nil {
		if i, ok := s.index[name]; ok {
			return i
		}
		return -1
	}
	for i, n := range s.names {
		if n == name {
			return i
		}
	}
	return -1
}

func (s *scope) set(name string, v Value) {
	if i := s.find(name); i >= 0 {
		s.vals[i] = v
		return
	}
	s.names = append(s.names, name)
	s.vals = append(s.vals, v)
	switch n := len(s.names); {
	case s.index != nil:
		s.index[name] = n - 1
	case n >= scopeIndexFrom:
		s.index = make(map[string]int, 2*n)
		for i, name := range s.names {
			s.index[name] = i
		}
	}
}

func (s *scope) lookup(name string) (Value, bool) {
	for ; s != nil; s = s.parent {
		if i := s.find(name); i >= 0 {
			return s.vals[i], true
		}
	}
	return nil, false
}

// step counts one unit of work.
func (x *interp) step() error { return x.work(0) }

// work counts one unit and more for handling n bytes or items.
func (x *interp) work(n int) error {
	x.steps += 1 + n/64
	if x.failed != nil {
		return x.failed
	}
	if x.steps > x.lim.Steps {
		x.failed = limitf("more than %d steps", x.lim.Steps)
	}
	return x.failed
}

// charge counts n bytes of memory and reports whether they are within the
// limit; if not, the render fails at its next step.
func (x *interp) charge(n int) bool {
	x.memory += int64(n)
	if x.memory > x.lim.MemoryBytes && x.failed == nil {
		x.failed = limitf("more than %d bytes of memory", x.lim.MemoryBytes)
	}
	return x.failed == nil
}

// grow asks to add n bytes to a string of have bytes.
func (x *interp) grow(have, n int) bool {
	if n > x.lim.OutputBytes-have {
		if x.failed == nil {
			x.failed = limitf("text longer than %d bytes", x.lim.OutputBytes)
		}
		return false
	}
	x.steps += n / 64
	return x.charge(n)
}

// alloc asks for n items of size bytes each before they are made.
func (x *interp) alloc(n, size int) error {
	if n < 0 || int64(n) > x.lim.MemoryBytes/int64(size) {
		return limitf("%d items do not fit in %d bytes of memory", n, x.lim.MemoryBytes)
	}
	x.charge(n * size)
	return x.work(n)
}

// newList returns a list of items and accounts for it.
func (x *interp) newList(items []Value) (*List, error) {
	return &List{items: items}, x.alloc(len(items)+2, 16)
}

func (x *interp) newGen(items []Value, kind string) (Value, error) {
	return &gen{items: items, kind: kind}, x.alloc(len(items)+2, 16)
}

// eval evaluates an expression; an error is located at the innermost node.
func (x *interp) eval(e expr) (Value, error) {
	if err := x.enter(); err != nil {
		line, what := e.where()
		return nil, locate(err, line, what)
	}
	v, err := e.eval(x)
	x.nest--
	if err != nil {
		line, what := e.where()
		return nil, locate(err, line, what)
	}
	return v, nil
}

// enter counts one step and one level of evaluation.
func (x *interp) enter() error {
	if x.nest >= maxEvalNest {
		return limitf("evaluation nests deeper than %d", maxEvalNest)
	}
	if err := x.step(); err != nil {
		return err
	}
	x.nest++
	return nil
}

// run executes statements until one breaks or continues a loop.
func (x *interp) run(body []stmt) (flow, error) {
	for _, s := range body {
		err := x.enter()
		f := flowNext
		if err == nil {
			f, err = s.exec(x)
			x.nest--
		}
		if err != nil {
			line, what := s.where()
			return flowNext, locate(err, line, what)
		}
		if f != flowNext {
			return f, nil
		}
	}
	return flowNext, nil
}

// capture runs statements in a new scope below parent and returns the text
// they put out.
func (x *interp) capture(body []stmt, parent *scope) (*Str, flow, error) {
	out, outer := x.out, x.scope
	x.out, x.scope = x.newBuilder(), &scope{parent: parent}
	f, err := x.run(body)
	s := x.out.str()
	x.out, x.scope = out, outer
	return s, f, err
}
