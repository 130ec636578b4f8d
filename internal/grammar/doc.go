// Package grammar limits generated text to a language: GBNF grammars, JSON schemas,
// regular expressions, lists of choices, and the sentences of a document.
//
// All but the last become one machine. A front end makes an [Expr] per rule; the
// rules are translated to byte automata whose edges are bytes, calls of other rules
// and whole tokens (nfa.go); what cannot lead to an end is cut away, and left
// recursion is an error (analyse.go). Each rule is made deterministic as it is
// walked (dfa.go), so a rule without calls is a plain DFA, and calls live on stacks
// that share their tails (config.go).
//
// The mask of allowed tokens follows XGrammar (Dong et al., "XGrammar: Flexible and
// Efficient Structured Generation Engine for Large Language Models", 2024): for each
// automaton state the vocabulary's byte trie is walked once with an unknown stack
// below. Tokens that never leave the rule are decided for good; where a token leaves
// it, the trie node is kept and walked with the real stack when a mask is made
// (mask.go). Tokens of ordinary characters are added to a state that takes any of
// them without a walk, as llguidance does with its slices. Masks are kept by
// configuration.
//
// Everything is bounded: rules, automaton nodes and states, nesting, parallel stacks
// and the work of one mask; what exceeds a bound is an error that wraps
// [ErrTooComplex].
package grammar
