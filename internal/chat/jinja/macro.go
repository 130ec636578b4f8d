package jinja

import "fmt"

// macroVal is a macro together with the scope it was defined in.
type macroVal struct {
	def   *macroDef
	scope *scope
}

// enterCall counts one level of calls; the caller undoes it with x.calls--.
func (x *interp) enterCall() error {
	if x.calls >= x.lim.CallDepth {
		return limitf("calls nest deeper than %d", x.lim.CallDepth)
	}
	x.calls++
	return nil
}

// callMacro runs a macro and returns its output as a string.
func (x *interp) callMacro(m *macroVal, a *args) (Value, error) {
	if err := x.enterCall(); err != nil {
		return nil, err
	}
	out, outer := x.out, x.scope
	x.out, x.scope = x.newBuilder(), &scope{parent: m.scope}
	err := x.bindMacro(m, a)
	if err == nil {
		_, err = x.run(m.def.body)
	}
	s := x.out.str()
	x.out, x.scope = out, outer
	x.calls--
	return s, err
}

// bindMacro sets the parameters of a macro in the current scope. A default may
// use the parameters before it.
func (x *interp) bindMacro(m *macroVal, a *args) error {
	def := m.def
	used := make([]bool, len(a.kw))
	named := func(name string) Value {
		for i, kw := range a.kw {
			if kw.name == name && !used[i] {
				used[i] = true
				return kw.v
			}
		}
		return nil
	}
	vals := make([]Value, len(def.params))
	copy(vals, a.pos)
	for i := len(a.pos); i < len(def.params); i++ {
		vals[i] = named(def.params[i])
	}
	if def.caller {
		x.scope.set("caller", orUndefined(named("caller"), "no caller defined"))
	}
	if err := x.bindRest(def, a, used); err != nil {
		return err
	}
	for i, name := range def.params {
		v := vals[i]
		if d := i - (len(def.params) - len(def.defaults)); v == nil && d >= 0 {
			var err error
			if v, err = x.eval(def.defaults[d]); err != nil {
				return err
			}
		}
		x.scope.set(name, orUndefined(v, fmt.Sprintf("parameter '%s' was not provided", name)))
	}
	return nil
}

// bindRest sets kwargs and varargs, or refuses arguments nobody takes.
func (x *interp) bindRest(def *macroDef, a *args, used []bool) error {
	kwargs := NewDict()
	for i, kw := range a.kw {
		if used[i] {
			continue
		}
		if !def.kwargs {
			return fmt.Errorf("macro '%s' takes no keyword argument '%s'", def.name, kw.name)
		}
		if err := x.setItem(kwargs, Text(kw.name), kw.v); err != nil {
			return err
		}
	}
	if def.kwargs {
		x.scope.set("kwargs", kwargs)
	}
	var varargs []Value
	if n := len(def.params); len(a.pos) > n {
		if !def.varargs {
			return fmt.Errorf("macro '%s' takes not more than %d argument(s)", def.name, n)
		}
		varargs = a.pos[n:]
	}
	if def.varargs {
		x.scope.set("varargs", &Tuple{items: varargs})
	}
	return nil
}
