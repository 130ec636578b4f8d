package jinja

import (
	"errors"
	"fmt"
)

// testFunc is a test behind "is".
type testFunc func(x *interp, v Value, a *args) (bool, error)

// tests are the tests by name.
var tests = map[string]testFunc{
	"boolean":     kind("boolean", is[Bool]),
	"callable":    kind("callable", isCallable),
	"defined":     kind("defined", func(v Value) bool { return !is[*Undefined](v) }),
	"divisibleby": testDivisible,
	"eq":          comparison("=="),
	"equalto":     comparison("=="),
	"==":          comparison("=="),
	"escaped":     kind("escaped", func(v Value) bool { s, ok := v.(*Str); return ok && s.html }),
	"even":        parity("even", 0),
	"false":       kind("false", func(v Value) bool { return v == Bool(false) }),
	"filter":      testFilter,
	"float":       kind("float", is[Float]),
	"ge":          comparison(">="),
	">=":          comparison(">="),
	"greaterthan": comparison(">"),
	"gt":          comparison(">"),
	">":           comparison(">"),
	"in":          testIn,
	"integer":     kind("integer", func(v Value) bool { return is[Int](v) || is[*BigInt](v) }),
	"iterable":    kind("iterable", isIterable),
	"le":          comparison("<="),
	"<=":          comparison("<="),
	"lessthan":    comparison("<"),
	"lower":       casing("lower", isLower),
	"lt":          comparison("<"),
	"<":           comparison("<"),
	"mapping":     kind("mapping", is[*Dict]),
	"ne":          comparison("!="),
	"!=":          comparison("!="),
	"none":        kind("none", is[None]),
	"number":      kind("number", func(v Value) bool { _, _, _, ok := number(v); return ok || is[*BigInt](v) }),
	"odd":         parity("odd", 1),
	"sameas":      testSameAs,
	"sequence":    kind("sequence", isSequence),
	"string":      kind("string", is[*Str]),
	"test":        testTest,
	"true":        kind("true", func(v Value) bool { return v == Bool(true) }),
	"undefined":   kind("undefined", is[*Undefined]),
	"upper":       casing("upper", isUpper),
}

// test applies the test of a name.
func (x *interp) test(name string, v Value, a *args) (bool, error) {
	f, ok := x.tests[name]
	if !ok {
		return false, fmt.Errorf("no test named '%s'", name)
	}
	return f(x, v, a)
}

func is[T Value](v Value) bool {
	_, ok := v.(T)
	return ok
}

// kind makes a test of a function of the value alone.
func kind(name string, f func(v Value) bool) testFunc {
	return func(_ *interp, v Value, a *args) (bool, error) {
		_, err := a.bind(name)
		return f(v), err
	}
}

func isCallable(v Value) bool {
	switch v.(type) {
	case *function, *macroVal, *loopVal, *Undefined:
		return true
	}
	return false
}

func isIterable(v Value) bool {
	switch v.(type) {
	case *gen, *loopVal:
		return true
	}
	_, ok := length(v)
	return ok
}

func isSequence(v Value) bool {
	_, ok := length(v)
	return ok && !is[*view](v)
}

func comparison(op string) testFunc {
	return func(x *interp, v Value, a *args) (bool, error) {
		p, err := a.bind(op, "other")
		if err != nil {
			return false, err
		}
		return x.compare(op, v, p[0])
	}
}

func parity(name string, rest int64) testFunc {
	return func(x *interp, v Value, a *args) (bool, error) {
		if _, err := a.bind(name); err != nil {
			return false, err
		}
		return x.divides(v, Int(2), Int(rest))
	}
}

func testDivisible(x *interp, v Value, a *args) (bool, error) {
	p, err := a.bind("divisibleby", "num")
	if err != nil {
		return false, err
	}
	return x.divides(v, p[0], Int(0))
}

// divides reports whether v leaves rest when divided by num.
func (x *interp) divides(v, num, rest Value) (bool, error) {
	m, err := x.binary("%", v, num)
	if err != nil {
		return false, err
	}
	return x.equal(m, rest)
}

func casing(name string, f func(string) bool) testFunc {
	return func(x *interp, v Value, a *args) (bool, error) {
		if _, err := a.bind(name); err != nil {
			return false, err
		}
		s, err := x.str(v)
		if err != nil {
			return false, err
		}
		if err := x.work(4 * len(s.s)); err != nil {
			return false, err
		}
		return f(s.s), nil
	}
}

func testIn(x *interp, v Value, a *args) (bool, error) {
	p, err := a.bind("in", "seq")
	if err != nil {
		return false, err
	}
	return x.contains(p[0], v)
}

// testSameAs compares objects by identity and plain values by type and value.
func testSameAs(x *interp, v Value, a *args) (bool, error) {
	p, err := a.bind("sameas", "other")
	if err != nil {
		return false, err
	}
	if s, ok := v.(*Str); ok {
		other, ok := p[0].(*Str)
		return ok && s.s == other.s, x.work(len(s.s))
	}
	return v == p[0], nil
}

var errNotName = errors.New("expected the name as a string")

func testFilter(x *interp, v Value, a *args) (bool, error) {
	s, ok := v.(*Str)
	if !ok {
		return false, errNotName
	}
	_, ok = x.filters[s.s]
	_, err := a.bind("filter")
	return ok, err
}

func testTest(x *interp, v Value, a *args) (bool, error) {
	s, ok := v.(*Str)
	if !ok {
		return false, errNotName
	}
	_, ok = x.tests[s.s]
	_, err := a.bind("test")
	return ok, err
}
