package model

import (
	"kvasir/internal/gguf"
	"kvasir/quant"
)

// Linear is a weight matrix with what belongs to it: out = (W·x)·Scale + Bias.
type Linear struct {
	W     *quant.Packed
	Scale float32   // 1 unless the file has a `.scale` beside the weight
	Bias  []float32 // nil = none
	// BiasFirst: out = (W·x + Bias)·Scale, as the reference has it in a dense FFN.
	BiasFirst bool
	matrix    quant.Matrix
	tensor    *gguf.TensorInfo
}

// experts are the matrices of one kind, one per expert.
type experts []*Linear

// layer holds the weights of one decoder block. Absent parts are nil.
type layer struct {
	attnNorm, ffnNorm         []float32
	qNorm, kNorm              []float32
	attnPostNorm, ffnPostNorm []float32
	sinks                     []float32

	qkv        []*Linear // q, k, v, or the three fused into one
	out        *Linear
	gate, up   *Linear // gate is nil when up holds both
	down       *Linear
	router     *Linear
	expGate    experts
	expUp      experts
	expDown    experts
	sharedGate *Linear
	sharedUp   *Linear
	sharedDown *Linear

	rope int // index of its rotation, -1 = none
}

// linears calls f for every matrix of the layer.
func (l *layer) linears(f func(*Linear)) {
	all := [][]*Linear{l.qkv, {l.out, l.gate, l.up, l.down, l.router, l.sharedGate, l.sharedUp, l.sharedDown}, l.expGate, l.expUp, l.expDown}
	for _, ls := range all {
		for _, w := range ls {
			if w != nil {
				f(w)
			}
		}
	}
}
