//go:build !amd64 || purego

package kernels

// The operations where no assembly is compiled: the twins.

func add(dst, a, b []float32)                     { addGeneric(dst, a, b) }
func mul(dst, a, b []float32)                     { mulGeneric(dst, a, b) }
func scale(dst, x []float32, s float32)           { scaleGeneric(dst, x, s) }
func scaleMul(dst, x, w []float32, s float32)     { scaleMulGeneric(dst, x, w, s) }
func addScaled(dst, x []float32, s float32)       { addScaledGeneric(dst, x, s) }
func dot(x, y []float32) float32                  { return dotGeneric(x, y) }
func sumSquares(x []float32) float32              { return sumSquaresGeneric(x) }
func maxOf(x []float32) float32                   { return maxOfGeneric(x) }
func indexOf(x []float32, v float32) int          { return indexOfGeneric(x, v) }
func exp(dst, x []float32)                        { expGeneric(dst, x) }
func expSum(x []float32, m float32) float32       { return expSumGeneric(x, m) }
func silu(dst, x []float32)                       { siluGeneric(dst, x) }
func siluMul(dst, gate, up []float32)             { siluMulGeneric(dst, gate, up) }
func gelu(dst, x []float32)                       { geluGeneric(dst, x) }
func geluMul(dst, gate, up []float32)             { geluMulGeneric(dst, gate, up) }
func swigluOAI(dst, gate, up []float32)           { swigluOAIGeneric(dst, gate, up) }
func softCap(x []float32, limit float32)          { softCapGeneric(x, limit) }
func ropeNeox(x, cos, sin []float32, headDim int) { ropeNeoxGeneric(x, cos, sin, headDim) }
func ropeNorm(x, cos, sin []float32, headDim int) { ropeNormGeneric(x, cos, sin, headDim) }
func f16ToF32(dst []float32, src []byte)          { f16ToF32Generic(dst, src) }
func f32ToF16(dst []byte, src []float32)          { f32ToF16Generic(dst, src) }
func bf16ToF32(dst []float32, src []byte)         { bf16ToF32Generic(dst, src) }
func f32ToBF16(dst []byte, src []float32)         { f32ToBF16Generic(dst, src) }
func spinPause(n int) {
	for range n {
	}
}
func attnSoftmax(s *[Slots]float32, m, l *float32) float32 { return attnSoftmaxGeneric(s, m, l) }
func attnSoftmaxRows(s, m, l, c []float32, rows int)       { attnSoftmaxRowsGeneric(s, m, l, c, rows) }
func q8ToF32(dst []float32, src []byte)                    { q8ToF32Generic(dst, src) }
func q4ToF32(dst []float32, src []byte)                    { q4ToF32Generic(dst, src) }

func attnScores(s, q []float32, qStride, rows int, k []float32, dim int, scale float32) {
	attnScoresGeneric(s, q, qStride, rows, k, dim, scale)
}

func attnAccum(acc []float32, accStride int, p, c []float32, rows int, v []float32, dim, n int) {
	attnAccumGeneric(acc, accStride, p, c, rows, v, dim, n)
}

func q8TileToF32(dst []float32, codes, scales []byte, blocks int) {
	q8TileToF32Generic(dst, codes, scales, blocks)
}

func q4TileToF32(dst []float32, codes, scales []byte, blocks int) {
	q4TileToF32Generic(dst, codes, scales, blocks)
}
