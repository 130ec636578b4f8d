// Package speculate is the model-free half of speculative decoding: trees of
// drafted tokens, the rules that accept or reject them so that the output is
// distributed as the target's, prompt lookup, and the choice of how much to draft.
//
// A round drafts a [Tree] behind the last committed token, computes the target's
// distribution at every node in one pass, and walks from the root: at each node a
// [Rule] either takes one of the drafted children, and the walk goes on there, or
// it takes a token of its own and the round ends; a node without children ends the
// round with a token drawn from the target. A round emits one token at least.
//
// Letters: p is the target's distribution, q the draft's, both after the sampler
// chain. (The paper of SpecTr uses them the other way round.)
package speculate
