package eval

import (
	"math"
	"slices"

	"kvasir/internal/recall"
)

const (
	draws      = 10000 // resamples of a bootstrap
	minWindows = 8     // below, blocks inside windows are drawn
	blockRows  = 128   // most rows of a block
)

// meanInterval is the 95 % percentile interval of the mean of all values: from
// 8 groups by drawing whole groups, from 2 by drawing circular blocks inside
// them. Draws are fixed, so equal input has an equal interval.
func meanInterval(groups [][]float64) (*[2]float64, string) {
	switch {
	case len(groups) < 2:
		return nil, ""
	case len(groups) >= minWindows:
		ci := interval(func(d int) float64 { return drawGroups(groups, d) })
		return &ci, "windows"
	}
	ci := interval(func(d int) float64 { return drawBlocks(groups, d) })
	return &ci, "blocks"
}

func interval(stat func(draw int) float64) [2]float64 {
	v := make([]float64, draws)
	for d := range v {
		v[d] = stat(d)
	}
	slices.Sort(v)
	return [2]float64{percentile(v, 0.025), percentile(v, 0.975)}
}

// drawGroups is the mean over groups drawn with replacement.
func drawGroups(groups [][]float64, d int) float64 {
	sum, n := 0.0, 0
	for i := range groups {
		g := groups[recall.Below(recall.U(1, uint64(d), uint64(i), useGroups), len(groups))]
		for _, v := range g {
			sum += v
		}
		n += len(g)
	}
	return sum / float64(n)
}

// drawBlocks is the mean over blocks that start anywhere in their group and go
// around its end (Politis and Romano, A circular block-resampling procedure, 1992).
func drawBlocks(groups [][]float64, d int) float64 {
	sum, n, draw := 0.0, 0, uint64(0)
	for _, g := range groups {
		for left := len(g); left > 0; draw++ {
			at := recall.Below(recall.U(1, uint64(d), draw, useBlocks), len(g))
			k := min(left, blockRows, max(1, len(g)/4))
			for i := range k {
				sum += g[(at+i)%len(g)]
			}
			n += k
			left -= k
		}
	}
	return sum / float64(n)
}

// wilson is the 95 % interval of a share (Wilson, 1927).
func wilson(hits, n int) [2]float64 {
	const z = 1.959963984540054
	p, m := float64(hits)/float64(n), float64(n)
	mid := (p + z*z/(2*m)) / (1 + z*z/m)
	half := z / (1 + z*z/m) * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	return [2]float64{max(0, mid-half), min(1, mid+half)}
}
