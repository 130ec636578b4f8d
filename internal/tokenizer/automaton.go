package tokenizer

import "fmt"

// automaton finds, at every position of a text, the special tokens that start
// there, in one pass over the text whatever their number: an Aho-Corasick
// automaton (Aho & Corasick, "Efficient string matching", 1975) of the reversed
// token texts, run from the end of the text to its beginning.
type automaton struct {
	root  [256]int32
	nodes []autoNode
}

// autoNode is a state: the reversed text so far ends in this node's path.
type autoNode struct {
	label   byte
	child   int32 // first child, 0 for none
	sibling int32
	fail    int32 // longest proper suffix that is a path
	token   int32 // the token whose text the path spells, or none
	shorter int32 // nearest node on the fail chain with a token, 0 for none
}

// maxSpecialBytes bounds the texts of all special tokens together; real files have
// less than a hundredth of it.
const maxSpecialBytes = 4 << 20

// newAutomaton builds the automaton of the vocabulary's special tokens.
func newAutomaton(v *vocabulary) (*automaton, error) {
	a := &automaton{nodes: make([]autoNode, 1, 64)}
	a.nodes[0].token = none
	total := 0
	for id := range int32(v.size()) {
		if !v.isSpecial(id) {
			continue
		}
		text := v.text(id)
		if total += len(text); total > maxSpecialBytes {
			return nil, fmt.Errorf("%w: special tokens have more than %d bytes of text", ErrVocabulary, maxSpecialBytes)
		}
		a.insert(text, id)
	}
	a.link()
	return a, nil
}

func (a *automaton) insert(text []byte, id int32) {
	at := int32(0)
	for i := len(text) - 1; i >= 0; i-- {
		next := a.child(at, text[i])
		if next == 0 {
			next = int32(len(a.nodes))
			a.nodes = append(a.nodes, autoNode{label: text[i], token: none})
			if at == 0 {
				a.root[text[i]] = next
			} else {
				a.nodes[next].sibling = a.nodes[at].child
				a.nodes[at].child = next
			}
		}
		at = next
	}
	a.nodes[at].token = id
}

func (a *automaton) child(at int32, b byte) int32 {
	if at == 0 {
		return a.root[b]
	}
	for at = a.nodes[at].child; at != 0 && a.nodes[at].label != b; {
		at = a.nodes[at].sibling
	}
	return at
}

// link sets the fail and shorter links, breadth first.
func (a *automaton) link() {
	queue := make([]int32, 0, len(a.nodes))
	for _, n := range a.root {
		if n != 0 {
			queue = append(queue, n)
		}
	}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		for c := a.nodes[at].child; c != 0; c = a.nodes[c].sibling {
			fail := a.step(a.nodes[at].fail, a.nodes[c].label)
			a.nodes[c].fail = fail
			if a.nodes[fail].token != none {
				a.nodes[c].shorter = fail
			} else {
				a.nodes[c].shorter = a.nodes[fail].shorter
			}
			queue = append(queue, c)
		}
	}
}

// step is the automaton's transition on b.
func (a *automaton) step(at int32, b byte) int32 {
	for {
		if next := a.child(at, b); next != 0 || at == 0 {
			return next
		}
		at = a.nodes[at].fail
	}
}

// longest returns the node of the longest token that ends at state at, or 0.
func (a *automaton) longest(at int32) int32 {
	if at == 0 || a.nodes[at].token != none {
		return at
	}
	return a.nodes[at].shorter
}
