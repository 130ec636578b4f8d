package jinja

// Value is a value of the template language. The set of types is closed:
// *[Undefined], [None], [Bool], [Int], [Float], *[BigInt], *[Str], *[List],
// *[Tuple], *[Dict] and values that only templates make (ranges, views,
// generators, namespaces, macros, functions, loops).
type Value interface {
	// typeName is the name Python gives the type, for messages.
	typeName() string
}

// Undefined is the value of a name, attribute or item that does not exist. It
// prints as nothing and is false; most other uses are errors.
type Undefined struct{ hint string }

// None is the null value.
type None struct{}

// Bool is true or false; in arithmetic it counts as 1 or 0.
type Bool bool

// Int is an integer. Arithmetic that leaves 64 bits is an error.
type Int int64

// Float is a floating point number.
type Float float64

// BigInt is an integer of the input that does not fit in 64 bits. It can be
// printed and compared for equality, nothing else.
type BigInt struct{ digits string }

// List is a mutable sequence.
type List struct{ items []Value }

// NewList returns a list that owns items.
func NewList(items ...Value) *List { return &List{items: items} }

// Append adds v at the end.
func (l *List) Append(v Value) { l.items = append(l.items, v) }

// Tuple is an immutable sequence; names, when set, are attribute names of its
// items.
type Tuple struct {
	items []Value
	names []string
}

// rangeVal is the result of range().
type rangeVal struct{ start, stop, step, n int64 }

func (r *rangeVal) at(i int64) Value { return Int(r.start + i*r.step) }

// gen is what filters such as map and select return: it can be walked once,
// has no length and is always true.
type gen struct {
	items []Value
	kind  string
}

func (g *gen) take() []Value {
	items := g.items
	g.items = nil
	return items
}

// view is the result of the dict methods keys, values and items.
type view struct {
	d    *Dict
	kind string
}

// namespace is a bag of attributes that loops can assign to.
type namespace struct{ d *Dict }

// function is a global function or a method bound to its receiver.
type function struct {
	name string
	call func(x *interp, a *args) (Value, error)
}

func (*Undefined) typeName() string { return "Undefined" }
func (None) typeName() string       { return "NoneType" }
func (Bool) typeName() string       { return "bool" }
func (Int) typeName() string        { return "int" }
func (Float) typeName() string      { return "float" }
func (*BigInt) typeName() string    { return "int" }
func (*List) typeName() string      { return "list" }
func (*Tuple) typeName() string     { return "tuple" }
func (*Dict) typeName() string      { return "dict" }
func (*rangeVal) typeName() string  { return "range" }
func (g *gen) typeName() string     { return g.kind }
func (v *view) typeName() string    { return v.kind }
func (*namespace) typeName() string { return "Namespace" }
func (*function) typeName() string  { return "function" }
func (*macroVal) typeName() string  { return "Macro" }
func (*loopVal) typeName() string   { return "LoopContext" }
func (*cyclerVal) typeName() string { return "Cycler" }
func (s *Str) typeName() string {
	if s.html {
		return "Markup"
	}
	return "str"
}

// truth is Python's bool().
func truth(v Value) bool {
	switch v := v.(type) {
	case *Undefined, None:
		return false
	case Bool:
		return bool(v)
	case Int:
		return v != 0
	case Float:
		return v != 0
	case *Str:
		return v.s != ""
	case *loopVal, *gen:
		return true
	}
	if n, ok := length(v); ok {
		return n > 0
	}
	return true
}

// length is Python's len(); ok is false for a value that has none.
func length(v Value) (n int, ok bool) {
	switch v := v.(type) {
	case *Str:
		return v.runes(), true
	case *List:
		return len(v.items), true
	case *Tuple:
		return len(v.items), true
	case *Dict:
		return v.Len(), true
	case *view:
		return v.d.Len(), true
	case *rangeVal:
		return int(v.n), true
	case *Undefined:
		return 0, true
	}
	return 0, false
}
