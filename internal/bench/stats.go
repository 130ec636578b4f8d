package bench

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Mean returns the mean, 0 of nothing.
func Mean(x []float64) float64 {
	if len(x) == 0 {
		return 0
	}
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

// StdDev returns the deviation of a sample (n-1 in the denominator), 0 of fewer
// than two values.
func StdDev(x []float64) float64 {
	if len(x) < 2 {
		return 0
	}
	mean, sum := Mean(x), 0.0
	for _, v := range x {
		sum += (v - mean) * (v - mean)
	}
	return math.Sqrt(sum / float64(len(x)-1))
}

// Median returns the middle value, or the mean of the two in the middle; NaN of
// nothing.
func Median(x []float64) float64 { return Quantile(x, 0.5) }

// Quantile returns the value below which a share p of x lies, between 0 and 1,
// interpolated between neighbours (type 7 of Hyndman and Fan, Sample quantiles in
// statistical packages, 1996); NaN of nothing.
func Quantile(x []float64, p float64) float64 {
	if len(x) == 0 {
		return math.NaN()
	}
	s := slices.Clone(x)
	slices.Sort(s)
	at := p * float64(len(s)-1)
	i := int(at)
	if i >= len(s)-1 {
		return s[len(s)-1]
	}
	return s[i] + (at-float64(i))*(s[i+1]-s[i])
}

// bootstrapRounds is the number of resamples of MedianInterval.
const bootstrapRounds = 10000

// MedianInterval returns a 95 % interval of the median by the percentile bootstrap
// (Efron 1979). The same x give the same interval. With five values it is about
// their range, which is all that five values can say.
func MedianInterval(x []float64) (lo, hi float64) {
	if len(x) == 0 {
		return math.NaN(), math.NaN()
	}
	rng := rand.New(rand.NewPCG(1, uint64(len(x))))
	medians, sample := make([]float64, bootstrapRounds), make([]float64, len(x))
	for i := range medians {
		for j := range sample {
			sample[j] = x[rng.IntN(len(x))]
		}
		medians[i] = Median(sample)
	}
	return Quantile(medians, 0.025), Quantile(medians, 0.975)
}

// PairRatio returns how many times faster a was than b in a unit a b b a (or b a a
// b): the geometric means cancel a drift that is linear in time. All are rates.
func PairRatio(a, b [2]float64) float64 {
	return math.Sqrt(a[0] * a[1] / (b[0] * b[1]))
}
