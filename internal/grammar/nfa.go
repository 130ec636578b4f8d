package grammar

import "fmt"

// Limits on what is compiled.
const (
	maxNodes  = 1 << 20 // automaton nodes of a grammar
	maxRules  = 1 << 16
	maxInline = 48  // nodes up to which a rule without recursion is copied into its callers
	maxExpr   = 200 // nesting of expressions
)

type opcode uint8

const (
	opFinal opcode = iota // end of the rule
	opFail                // matches nothing
	opSplit               // out or alt, without a byte
	opByte                // a byte of lo..hi
	opCall                // a rule, then out
	opToken               // a token of sets[rule], then out
)

// node of the automaton of a rule.
type node struct {
	op     opcode
	lo, hi byte
	rule   int32 // callee of opCall, token set of opToken
	out    int32
	alt    int32 // second way of opSplit
}

// tokenSet are the tokens of an opToken node.
type tokenSet struct {
	ids    []int32
	negate bool
}

// nfa is the automaton of all rules.
type nfa struct {
	nodes  []node
	starts []int32 // by rule
	sets   []tokenSet
	names  []string
}

// nfaBuilder translates expressions, from the end of a rule to its start.
type nfaBuilder struct {
	nfa
	rules  *Rules
	inline []int8 // by rule: 1 = copy into callers, -1 = call, 0 = unknown
	size   []int  // nodes of a rule that is copied
	depth  int
	err    error
}

func buildNFA(r *Rules) (*nfa, error) {
	if len(r.Bodies) == 0 || len(r.Bodies) > maxRules {
		return nil, fmt.Errorf("%d rules, more than 1 to %d: %w", len(r.Bodies), maxRules, ErrTooComplex)
	}
	b := &nfaBuilder{rules: r, inline: make([]int8, len(r.Bodies)), size: make([]int, len(r.Bodies))}
	b.names = r.Names
	for i, body := range r.Bodies {
		if body == nil {
			return nil, fmt.Errorf("%w: rule %q is not defined", ErrSyntax, r.Names[i])
		}
	}
	b.markInline()
	for _, body := range r.Bodies {
		final := b.add(node{op: opFinal})
		b.starts = append(b.starts, b.build(body, final))
		if b.err != nil {
			return nil, b.err
		}
	}
	return &b.nfa, nil
}

// add appends a node.
func (b *nfaBuilder) add(n node) int32 {
	if len(b.nodes) >= maxNodes {
		b.fail(fmt.Errorf("more than %d automaton nodes (large repetitions multiply when nested): %w", maxNodes, ErrTooComplex))
		return 0
	}
	b.nodes = append(b.nodes, n)
	return int32(len(b.nodes) - 1)
}

func (b *nfaBuilder) fail(err error) {
	if b.err == nil {
		b.err = err
	}
}

// build returns a node from which e leads to next.
func (b *nfaBuilder) build(e *Expr, next int32) int32 {
	if b.depth++; b.depth > maxExpr {
		b.fail(fmt.Errorf("expressions nested deeper than %d: %w", maxExpr, ErrTooComplex))
	}
	defer func() { b.depth-- }()
	if b.err != nil {
		return next
	}
	switch e.kind {
	case kindText:
		for i := len(e.text) - 1; i >= 0; i-- {
			next = b.add(node{op: opByte, lo: e.text[i], hi: e.text[i], out: next})
		}
		return next
	case kindClass:
		return b.class(e.ranges, next)
	case kindSeq:
		for i := len(e.subs) - 1; i >= 0; i-- {
			next = b.build(e.subs[i], next)
		}
		return next
	case kindAlt:
		return b.alternatives(e.subs, next)
	case kindRepeat:
		return b.repeat(e, next)
	case kindToken:
		b.sets = append(b.sets, tokenSet{e.tokens, e.negate})
		return b.add(node{op: opToken, rule: int32(len(b.sets) - 1), out: next})
	}
	if b.inline[e.rule] > 0 {
		return b.build(b.rules.Bodies[e.rule], next)
	}
	return b.add(node{op: opCall, rule: int32(e.rule), out: next})
}

func (b *nfaBuilder) alternatives(subs []*Expr, next int32) int32 {
	if len(subs) == 0 {
		return b.add(node{op: opFail})
	}
	entry := b.build(subs[len(subs)-1], next)
	for i := len(subs) - 2; i >= 0; i-- {
		entry = b.split(b.build(subs[i], next), entry)
	}
	return entry
}

func (b *nfaBuilder) split(out, alt int32) int32 {
	return b.add(node{op: opSplit, out: out, alt: alt})
}

// repeat unrolls: the copies above min may each be left for next.
func (b *nfaBuilder) repeat(e *Expr, next int32) int32 {
	sub := e.subs[0]
	if e.max < 0 {
		loop := b.split(next, next)
		body := b.build(sub, loop)
		if b.err != nil {
			return next
		}
		b.nodes[loop].out = body
		next = loop
	} else {
		end := next
		for range e.max - e.min {
			if next = b.split(b.build(sub, next), end); b.err != nil {
				return next
			}
		}
	}
	for range e.min {
		entry := b.build(sub, next)
		if b.err != nil || entry == next { // nothing was added: nor will further copies
			break
		}
		next = entry
	}
	return next
}

// class adds the encodings of code points; equal tails are shared.
func (b *nfaBuilder) class(ranges []rune, next int32) int32 {
	entry, tails := int32(-1), map[node]int32{}
	for i := 0; i < len(ranges); i += 2 {
		encodings(ranges[i], ranges[i+1], func(spans []byteSpan) {
			at := next
			for k := len(spans) - 1; k >= 0; k-- {
				n := node{op: opByte, lo: spans[k].lo, hi: spans[k].hi, out: at}
				known, ok := tails[n]
				if !ok {
					known = b.add(n)
					tails[n] = known
				}
				at = known
			}
			if entry < 0 {
				entry = at
			} else {
				entry = b.split(at, entry)
			}
		})
	}
	if entry < 0 {
		return b.add(node{op: opFail})
	}
	return entry
}

// markInline decides which rules are copied into their callers: small ones that call
// nothing but such rules.
func (b *nfaBuilder) markInline() {
	for i := range b.rules.Bodies {
		b.inlined(i, 0)
	}
	b.inline[0] = -1
}

func (b *nfaBuilder) inlined(rule, depth int) bool {
	if b.inline[rule] == 0 {
		b.inline[rule] = -1 // also the answer to a rule that calls itself
		if depth < maxExpr {
			b.size[rule] = b.measure(b.rules.Bodies[rule], depth+1)
			if b.size[rule] <= maxInline {
				b.inline[rule] = 1
			}
		}
	}
	return b.inline[rule] > 0
}

// measure estimates the nodes of e, more than maxInline when it calls.
func (b *nfaBuilder) measure(e *Expr, depth int) int {
	const large = maxInline + 1
	if depth > maxExpr {
		return large
	}
	sum := 0
	switch e.kind {
	case kindText:
		return len(e.text)
	case kindClass:
		if n := len(e.ranges); n > 0 && e.ranges[n-1] >= 0x80 {
			return 2*n + 8
		}
		return len(e.ranges)
	case kindToken:
		return 1
	case kindRef:
		if !b.inlined(e.rule, depth) {
			return large
		}
		return b.size[e.rule]
	}
	for _, s := range e.subs {
		if sum += 1 + b.measure(s, depth+1); sum > maxInline {
			return large
		}
	}
	if e.kind == kindRepeat {
		sum = min(large, sum*max(1, e.min, min(e.max, large)))
	}
	return sum
}
