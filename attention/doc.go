// Package attention computes softmax attention over a block KV cache. It may
// change before v1.
//
// A [Selector] decides which blocks a tile of query rows reads and writes that
// down as a [Plan]; one kernel computes exact attention over the plan. The
// dense plan lists everything, so a selector whose budget covers the context
// gives the same bits as dense attention.
//
// Order of summation (the determinism contract): keys are visited block by
// block in ascending order. Blocks are grouped in spans of [SpanBlocks] by
// their absolute index; each span starts from an empty online-softmax state
// and the spans of a row are merged in ascending order. So the result of a row
// does not depend on the rows computed beside it, on how the work is split
// over threads, or on how the tokens were cut into steps.
package attention
