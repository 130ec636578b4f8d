package jinja_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kvasir/internal/chat/jinja"
)

// hostile are templates that would hang, exhaust memory or overflow the stack
// if nothing stopped them. Each must end in an error that wraps ErrLimit.
var hostile = map[string]string{
	"nested loops":         loops(9, "x"),
	"nested empty loops":   loops(9, ""),
	"recursive macro":      "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
	"mutual macros":        "{% macro f() %}{{ g() }}{% endmacro %}{% macro g() %}{{ f() }}{% endmacro %}{{ f() }}",
	"doubling macro":       "{% macro f(n) %}{% if n %}{{ f(n-1) }}{{ f(n-1) }}{% endif %}{% endmacro %}{{ f(150) }}",
	"recursive caller":     "{% macro m() %}{{ caller() }}{% endmacro %}{% macro r() %}{% call m() %}{{ r() }}{% endcall %}{% endmacro %}{{ r() }}",
	"recursive loop":       "{% set l = [] %}{% set _ = l.append(l) %}{% for x in l recursive %}{{ loop(x) }}{% endfor %}",
	"string doubling":      "{% set ns = namespace(s='x') %}{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
	"string doubling +":    "{% set ns = namespace(s='x') %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
	"list doubling":        "{% set ns = namespace(l=[1]) %}{% for i in range(99) %}{% set ns.l = ns.l + ns.l %}{% endfor %}",
	"list self extend":     "{% set l = [1] %}{% for i in range(99) %}{% set _ = l.extend(l) %}{% endfor %}",
	"string repeat":        "{{ 'x' * 999999999 }}",
	"huge repeat":          "{{ 'xy' * 9223372036854775807 }}",
	"empty repeat":         "{% for i in range(100000) %}{{ '' * 9223372036854775807 }}{{ 'x' * 20000000 }}{% endfor %}",
	"list repeat":          "{{ ([1] * 999999999)|length }}",
	"huge list repeat":     "{{ ([1, 2] * 9223372036854775807)|length }}",
	"many kept strings":    "{% set l = [] %}{% for i in range(100000) %}{% set _ = l.append('x' * 100000) %}{% endfor %}",
	"range":                "{{ range(100001)|length }}",
	"range overflow":       "{{ range(-9223372036854775807, 9223372036854775807)|length }}",
	"many ranges":          "{% set l = [] %}{% for i in range(100000) %}{% set _ = l.append(range(100000)|list) %}{% endfor %}",
	"replace growth":       "{% set ns = namespace(s='aaaa') %}{% for i in range(99) %}{% set ns.s = ns.s.replace('a', 'aaaaaaaa') %}{% endfor %}",
	"replace empty":        "{% set s = 'a' * 1000000 %}{% for i in range(1000) %}{% set t = s|replace('', 'bbbbbbbbbbbb') %}{% endfor %}",
	"join growth":          "{% set ns = namespace(s='a') %}{% for i in range(99) %}{% set ns.s = [ns.s, ns.s]|join(ns.s) %}{% endfor %}",
	"format width":         "{{ '%99999999999d' % 1 }}",
	"format width method":  "{{ '{:>999999999}'.format(1) }}",
	"many format widths":   "{% for i in range(100000) %}{% for j in range(100) %}{% set x = '%10000d' % 1 %}{% endfor %}{% endfor %}",
	"center":               "{{ 'a'|center(999999999) }}",
	"ljust":                "{{ 'a'.ljust(99999999999) }}",
	"zfill":                "{{ '1'.zfill(99999999999) }}",
	"indent":               "{{ 'a\n'|indent(99999999999, true) }}",
	"indent growth":        "{% set s = 'a\n' * 1000000 %}{{ s|indent(1000, blank=true) }}",
	"batch fill":           "{{ [1]|batch(99999999999, 0)|list|length }}",
	"slice count":          "{{ [1]|slice(99999999999)|list|length }}",
	"self in list repr":    "{% set l = [] %}{% set _ = l.append(l) %}{{ l }}",
	"self in list json":    "{% set l = [] %}{% set _ = l.append(l) %}{{ l|tojson }}",
	"self in list equal":   "{% set l = [] %}{% set _ = l.append(l) %}{% set m = [] %}{% set _ = m.append(m) %}{{ l == m }}",
	"self in dict":         "{% set d = {} %}{% set _ = d.update(a=d) %}{{ d }}",
	"shared list repr":     "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}",
	"shared list json":     "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l|tojson }}",
	"shared list equal":    "{% set ns = namespace(l=[1], m=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% set ns.m = [ns.m, ns.m] %}{% endfor %}{{ ns.l == ns.m }}",
	"shared list order":    "{% set ns = namespace(l=[1], m=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% set ns.m = [ns.m, ns.m] %}{% endfor %}{{ ns.l < ns.m }}",
	"shared tuple key":     "{% set ns = namespace(l=(1,)) %}{% for i in range(60) %}{% set ns.l = (ns.l, ns.l) %}{% endfor %}{{ {ns.l: 1}|length }}",
	"search":               "{% set s = 'a' * 16000000 %}{% for i in range(100000) %}{{ 'b' in s }}{% endfor %}",
	"count":                "{% set s = 'a' * 16000000 %}{% for i in range(100000) %}{{ s.count('b') }}{% endfor %}",
	"strip length":         "{% set s = ' ' + 'é' * 8000000 %}{% for i in range(100000) %}{{ s.strip()|length }}{% endfor %}",
	"strip chars":          "{% set s = 'a' * 1000000 %}{% set c = 'b' * 1000000 %}{% for i in range(100000) %}{{ s.strip(c) }}{% endfor %}",
	"index runes":          "{% set s = 'é' * 8000000 %}{% for i in range(100000) %}{{ s[7999999] }}{% endfor %}",
	"reverse":              "{% set s = 'é' * 8000000 %}{% for i in range(100000) %}{% set x = s|reverse %}{% endfor %}",
	"compare strings":      "{% set s = 'a' * 16000000 %}{% set t = s ~ '' %}{% for i in range(100000) %}{{ s == t }}{{ s < t }}{% endfor %}",
	"compare lists":        "{% set l = range(100000)|list %}{% set m = range(100000)|list %}{% for i in range(100000) %}{{ l == m }}{% endfor %}",
	"search list":          "{% set l = range(100000)|list %}{% for i in range(100000) %}{{ -1 in l }}{% endfor %}",
	"copy dict":            "{% set d = dict(range(100000)|batch(2)) %}{% for i in range(100000) %}{% set e = d.copy() %}{% endfor %}",
	"dict pop":             "{% set ns = namespace(d={}) %}{% for i in range(100000) %}{% set _ = ns.d.update({i: i}) %}{% endfor %}{% for i in range(100000) %}{% set _ = ns.d.pop(i) %}{% endfor %}",
	"list pop":             "{% set l = range(100000)|list %}{% for i in range(100000) %}{% for j in range(100) %}{% set _ = l.insert(0, l.pop()) %}{% endfor %}{% endfor %}",
	"sort":                 "{% set l = range(100000)|list|reverse|list %}{% for i in range(1000) %}{% set m = l|sort %}{% endfor %}",
	"split":                "{% set s = 'a ' * 1000000 %}{% for i in range(1000) %}{% set m = s.split() %}{% endfor %}",
	"chars":                "{% set s = 'a' * 16000000 %}{% for c in s %}{% endfor %}",
	"upper":                "{% set s = 'a' * 16000000 %}{% for i in range(1000) %}{% set t = s|upper %}{% endfor %}",
	"marks":                "{% set ns = namespace(s='') %}{% for i in range(100000) %}{% set ns.s = ns.s ~ u ~ 'x' %}{% endfor %}",
	"output":               "{% set s = 'a' * 1000000 %}{% for i in range(1000) %}{{ s }}{% endfor %}",
	"deep sum":             "{{ " + strings.Repeat("1+", 20_000) + "1 }}",
	"deep attributes":      "{{ x" + strings.Repeat(".a", 20_000) + " }}",
	"deep filters":         "{{ x" + strings.Repeat("|d", 20_000) + " }}",
	"deep parentheses":     "{{ " + strings.Repeat("(", 20_000) + strings.Repeat(")", 20_000) + " }}",
	"deep lists":           "{{ " + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + " }}",
	"deep not":             "{{ " + strings.Repeat("not ", 20_000) + "x }}",
	"deep signs":           "{{ " + strings.Repeat("-", 20_000) + "1 }}",
	"deep inline if":       "{{ " + strings.Repeat("1 if x else ", 10_000) + "1 }}",
	"deep blocks":          strings.Repeat("{% if 1 %}", 10_000) + strings.Repeat("{% endif %}", 10_000),
	"deep targets":         "{% set " + strings.Repeat("(", 20_000) + "a" + strings.Repeat(")", 20_000) + " = 1 %}",
	"deep macro times sum": "{% macro f(n) %}{{ " + strings.Repeat("1+", 4_000) + "f(n) }}{% endmacro %}{{ f(1) }}",
	"large source":         strings.Repeat("x", 300_000),
	"tuple keys":           "{% for i in range(100000) %}{% set d = {(s, s, s, s, s, s, s, s): 1} %}{% endfor %}",
	"long keys":            "{% set s = 'a' * 10000000 %}{% for i in range(100000) %}{% set x = {s: 1}[s ~ ''] %}{% endfor %}",
	"wordcount":            "{% set s = 'a ' * 8000000 %}{% for i in range(1000) %}{{ s|wordcount }}{% endfor %}",
	"startswith":           "{% set s = 'a' * 8000000 %}{% for i in range(100000) %}{{ s.startswith(s) }}{% endfor %}",
	"is lower":             "{% set s = 'a' * 8000000 %}{% for i in range(100000) %}{{ s is lower }}{% endfor %}",
	"numbers in text":      "{% set s = '1' * 4300 %}{% for i in range(100000) %}{% for j in range(100) %}{{ s|float }}{{ ('x' ~ s)|int }}{% endfor %}{% endfor %}",
	"strftime":             "{% set s = '%A' * 8000000 %}{{ strftime_now(s) }}",
	"splat":                "{% set l = range(100000)|list %}{% macro m() %}{{ varargs|length }}{% endmacro %}{% for i in range(100000) %}{{ m(*l) }}{% endfor %}",
	"long key lookup":      "{% set s = 'a' * 10000000 %}{% set d = {s: 1} %}{% for i in range(100000) %}{{ d[s] }}{{ d.get(s) }}{{ s in d }}{% endfor %}",
	"groupby":              "{% set l = range(100000)|batch(1)|list %}{% for i in range(100000) %}{% set x = l|groupby(0) %}{% endfor %}",
}

// TestDefaultLimits checks that a render without limits of its own has some.
func TestDefaultLimits(t *testing.T) {
	for _, name := range []string{"nested loops", "many kept strings", "recursive macro", "output"} {
		tmpl, err := jinja.Parse(hostile[name])
		require.NoError(t, err)
		_, err = tmpl.Render(nil, jinja.Options{})
		require.ErrorIs(t, err, jinja.ErrLimit, name)
	}
}

// loops nests n loops of 100 rounds around a body.
func loops(n int, body string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "{%% for i%d in range(100) %%}", i)
	}
	return b.String() + body + strings.Repeat("{% endfor %}", n)
}

// limits are a fifth of the defaults, to keep the test short.
var limits = jinja.Limits{Steps: 1_000_000, MemoryBytes: 64 << 20}

func TestHostileTemplates(t *testing.T) {
	for name, src := range hostile {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			vars := jinja.NewDict()
			vars.Set("u", jinja.Input("é"))
			vars.Set("s", jinja.Input(strings.Repeat("s", 1000)))
			tmpl, err := jinja.Parse(src)
			if err == nil {
				_, err = tmpl.Render(vars, jinja.Options{Limits: limits})
			}
			runtime.ReadMemStats(&after)
			require.ErrorIs(t, err, jinja.ErrLimit)
			require.Less(t, time.Since(start), 20*time.Second)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(10*limits.MemoryBytes))
			t.Logf("%v, %d MiB allocated: %.100s", time.Since(start), (after.TotalAlloc-before.TotalAlloc)>>20, err)
		})
	}
}
