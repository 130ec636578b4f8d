package tinymodel

import (
	"fmt"
	"hash/fnv"
	"math"
)

// source is a stream of random numbers (splitmix64: Steele, Lea and Flood, Fast
// splittable pseudorandom number generators, 2014).
type source struct{ state uint64 }

// newSource returns the stream of one tensor.
func newSource(seed uint64, arch, name string) *source {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d|%s|%s", seed, arch, name)
	return &source{h.Sum64()}
}

func (s *source) uint64() uint64 {
	s.state += 0x9e3779b97f4a7c15
	z := s.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// uniform returns a number in (0, 1].
func (s *source) uniform() float64 { return float64(s.uint64()>>11+1) / (1 << 53) }

// normal returns a normally distributed number (Box and Muller 1958). It is
// rounded to a multiple of 2^-16, so that machines whose logarithm or cosine
// differs in the last bit still make the same files.
func (s *source) normal(mean, deviation float64) float32 {
	r := math.Sqrt(-2 * math.Log(s.uniform()))
	x := float64(r*math.Cos(2*math.Pi*s.uniform())) * deviation
	return float32(math.RoundToEven((float64(x)+mean)*(1<<16)) / (1 << 16))
}

// normals returns n of them.
func (s *source) normals(n int, mean, deviation float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = s.normal(mean, deviation)
	}
	return x
}

// IDs returns n token ids below vocab, the same ones every time.
func IDs(n, vocab int) []int32 {
	s := newSource(0, "ids", "")
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(s.uint64() % uint64(vocab))
	}
	return ids
}
