// Package model turns the weights of a GGUF file into logits. It may change
// before v1.
//
// All architectures run through one decoder block (block.go); a row of the
// table in archs.go says where they differ. [Model] holds what is immutable
// and shared: configuration and packed weights. [State] holds the scratch of
// one forward pass at a time.
package model
