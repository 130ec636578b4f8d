// Package sampler turns a row of logits into the next token.
//
// A [Chain] holds the stages in order: logit bias, penalties, truncations
// (top-k, top-p, min-p), temperature, and a last draw from what is left. At
// temperature 0 the draw is the argmax. The names, the order and the default
// values are those of llama.cpp; where a rule departs from it, the doc comment
// of the stage says so. All departures:
//
//   - NaN and +Inf logits are an error ([ErrBadLogits]), and so is a row without
//     any finite logit ([ErrNoCandidates]); nothing is drawn silently.
//   - Ties are ordered by token id, lowest first, in every sort, selection and
//     argmax, so that a kept set never depends on an unstable sort.
//   - Sums are float64 in candidate order; llama.cpp adds in float32.
//   - At temperature 0 the truncating stages are skipped.
//   - A cumulative mass within one float32 epsilon of top_p counts as reached.
//
// Randomness is counter based ([Rand]): a draw depends on seed, stream, absolute
// position and purpose, and on nothing else. Removing a stage, sampling ahead for
// speculation or cloning a chain therefore never moves another draw.
//
// The package knows neither tokenizer nor model. It may change before v1.
package sampler
