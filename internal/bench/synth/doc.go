// Package synth writes model files with random weights: any shape of the llama
// architecture in any weight format, with a byte-level vocabulary, so that speed can
// be measured where the weights cannot be had. Time and memory of a pass do not depend
// on the values of the weights, so that such a file is as good as the real one for
// that purpose and for no other.
//
// Which tensor of a mixture such as Q4_K_M has which format follows llama.cpp's
// quantizer. The same [Spec] gives the same bytes, whatever the number of processors.
package synth
