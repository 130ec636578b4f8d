// Package quant knows the tensor block formats of GGUF files: their sizes, how
// to decode them, and how to repack a weight matrix into the form that package
// kernels multiplies.
//
//   - [Formats] is the registry: one line, one file and one golden file per format.
//   - [Matrix] is a weight as it lies in the model file, row-major blocks.
//   - [Packed] is the same weight repacked, without loss, into groups of 16 rows.
//   - [Input] holds the activations of a matmul in the forms that weights read.
//   - [Packed.Mul] multiplies a range of row groups; threads take ranges.
//   - [EncodeQ8_0] and [EncodeQ4_0] quantize rows for the key-value cache.
//
// Decoding is bit-exact with the reference dequantizer. Every multiply-then-add
// on floats is written float32(a*b)+c: the conversion forbids the compiler to
// fuse the two, which would change bits on some machines.
package quant
