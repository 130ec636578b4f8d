// Package kvcache stores the keys and values of attention and decides what is
// kept. It may change before v1.
//
// Storage is paged: a block holds [BlockSlots] slots of one lane, a lane being
// one (layer, KV head) of one sequence. Blocks are reference counted, so a
// fork shares them and copies only the block it appends to. Blocks live
// outside the Go heap in a pool per size class.
//
// Inside a block K is stored dimension-major, [dim][slot], so that a kernel
// scores all slots of a block with vector lanes and no horizontal sums; V is
// stored slot-major, [slot][dim].
//
// One forward pass is a [Step]: [Cache.Begin] reserves room for all rows or
// for none, [Step.Put] stores the rows of a layer, [Step.View] shows what may be
// read, [Step.Commit] publishes them.
//
// A [Policy] decides what a sequence keeps: after a pass its [State] may fill a
// [LanePlan] for every lane of the layers with full attention, and the core
// carries the plans out, all or none. [Seq.SaveFile] and [Cache.LoadFile] keep a
// sequence in a file, [Prefixes] computed prompts for others that begin alike.
package kvcache
