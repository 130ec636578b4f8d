package grammar

import "fmt"

// trim cuts away what cannot lead to an end, and refuses left recursion. After it,
// every node that is left can reach the end of its rule.
func (a *nfa) trim() error {
	productive := a.fixpoint(true)
	if !productive[a.starts[0]] {
		return fmt.Errorf("%q: %w", a.names[0], ErrImpossible)
	}
	for i := range a.nodes {
		n := &a.nodes[i]
		if !productive[i] {
			*n = node{op: opFail}
			continue
		}
		if n.op == opSplit && !productive[n.out] {
			n.out = n.alt
		}
		if n.op == opSplit && !productive[n.alt] {
			n.alt = n.out
		}
	}
	return a.checkLeft(a.fixpoint(false))
}

// fixpoint returns for each node whether it leads to the end of its rule: by any
// way, or without a byte or token.
func (a *nfa) fixpoint(consume bool) []bool {
	reach := make([]bool, len(a.nodes))
	from, heads := a.reverse()
	ruleOf := make(map[int32][]int, len(a.starts)) // start node -> rules
	for r, s := range a.starts {
		ruleOf[s] = append(ruleOf[s], r)
	}
	rule := make([]bool, len(a.starts))
	callers := make([][]int32, len(a.starts))
	var work []int32
	for i, n := range a.nodes {
		switch n.op {
		case opFinal:
			work = append(work, int32(i))
		case opCall:
			callers[n.rule] = append(callers[n.rule], int32(i))
		}
	}
	for len(work) > 0 {
		i := work[len(work)-1]
		work = work[:len(work)-1]
		if reach[i] || !a.passes(i, reach, rule, consume) {
			continue
		}
		reach[i] = true
		work = append(work, from[heads[i]:heads[i+1]]...)
		for _, r := range ruleOf[i] {
			rule[r] = true
			work = append(work, callers[r]...)
		}
	}
	return reach
}

// passes says whether node i leads on, given what is known of the others.
func (a *nfa) passes(i int32, reach, rule []bool, consume bool) bool {
	switch n := a.nodes[i]; n.op {
	case opFinal:
		return true
	case opSplit:
		return reach[n.out] || reach[n.alt]
	case opByte, opToken:
		return consume && reach[n.out]
	case opCall:
		return rule[n.rule] && reach[n.out]
	}
	return false
}

// reverse returns the edges backwards: those into i are from[heads[i]:heads[i+1]].
func (a *nfa) reverse() (from, heads []int32) {
	heads = make([]int32, len(a.nodes)+2)
	each := func(f func(src, dst int32)) {
		for i, n := range a.nodes {
			if n.op == opFinal || n.op == opFail {
				continue
			}
			f(int32(i), n.out)
			if n.op == opSplit {
				f(int32(i), n.alt)
			}
		}
	}
	each(func(_, dst int32) { heads[dst+2]++ })
	for i := 2; i < len(heads); i++ {
		heads[i] += heads[i-1]
	}
	from = make([]int32, heads[len(heads)-1])
	each(func(src, dst int32) {
		from[heads[dst+1]] = src
		heads[dst+1]++
	})
	return from, heads
}

// checkLeft refuses rules that call themselves before they take a byte.
func (a *nfa) checkLeft(nullable []bool) error {
	left := make([][]int32, len(a.starts))
	seen := make([]int32, len(a.nodes)) // rule+1 that saw a node last
	for r, s := range a.starts {
		work := []int32{s}
		for len(work) > 0 {
			i := work[len(work)-1]
			work = work[:len(work)-1]
			if seen[i] == int32(r)+1 {
				continue
			}
			seen[i] = int32(r) + 1
			switch n := a.nodes[i]; n.op {
			case opSplit:
				work = append(work, n.out, n.alt)
			case opCall:
				left[r] = append(left[r], n.rule)
				if nullable[a.starts[n.rule]] {
					work = append(work, n.out)
				}
			}
		}
	}
	return a.checkCycle(left)
}

func (a *nfa) checkCycle(left [][]int32) error {
	const onPath, done = 1, 2
	state := make([]uint8, len(left))
	type visit struct {
		rule int32
		next int
	}
	for r := range left {
		if state[r] == done {
			continue
		}
		path := []visit{{rule: int32(r)}}
		state[r] = onPath
		for len(path) > 0 {
			v := &path[len(path)-1]
			if v.next == len(left[v.rule]) {
				state[v.rule] = done
				path = path[:len(path)-1]
				continue
			}
			callee := left[v.rule][v.next]
			v.next++
			switch state[callee] {
			case onPath:
				return fmt.Errorf("%w: rule %q is left-recursive: it begins with itself", ErrSyntax, a.names[callee])
			case 0:
				state[callee] = onPath
				path = append(path, visit{rule: callee})
			}
		}
	}
	return nil
}
