package model

import (
	"math"

	"kvasir/kvcache"
)

// ropeSpec is one way to rotate: the inverse frequencies of the pairs and the
// magnitude factor. Layers with equal settings share one.
type ropeSpec struct {
	kvcache.Rope
	mscale float64 // cos and sin are multiplied by it
}

// newRopeSpec computes the frequencies of one kind of layer: theta_i =
// pos · base^(-2i/n) / factor_i, with linear position scaling or YaRN
// (Peng et al. 2023, eq. 17-23, as the reference implementation applies it).
// factors may be nil. scaled is false for layers without position scaling.
func (c *Config) newRopeSpec(base float64, factors []float32, scaled bool) *ropeSpec {
	n := c.RopeDim
	r := &ropeSpec{Rope: kvcache.Rope{Inv: make([]float64, n/2), Neox: c.Arch.Rope == RopeNeox}, mscale: 1}
	scale, yarn := 1.0, false
	if scaled {
		scale = 1 / c.RopeFactor
		yarn = c.RopeType == "yarn"
		r.mscale = c.RopeAttnFactor
	}
	if yarn && c.RopeFactor > 1 {
		r.mscale *= 1 + 0.1*math.Log(c.RopeFactor)
	}
	low, high := c.yarnRange(base)
	for i := range r.Inv {
		t := math.Pow(base, -2*float64(i)/float64(n))
		if factors != nil {
			t /= float64(factors[i])
		}
		r.Inv[i] = t * scale
		if yarn {
			ramp := 1 - min(1, max(0, (float64(i)-low)/max(0.001, high-low)))
			r.Inv[i] = t*scale*(1-ramp) + t*ramp
		}
	}
	return r
}

// yarnRange returns the pair indexes between which YaRN blends from
// extrapolation to interpolation.
func (c *Config) yarnRange(base float64) (low, high float64) {
	n := float64(c.RopeDim)
	at := func(beta float64) float64 {
		return n * math.Log(float64(c.RopeOrigCtx)/(beta*2*math.Pi)) / (2 * math.Log(base))
	}
	return max(0, math.Floor(at(c.YarnFast))), min(n-1, math.Ceil(at(c.YarnSlow)))
}

// fill writes the cosines and sines of position pos, one per pair. Angles are
// reduced in float64: at position 1e5 a float32 angle is off by 4e-3 rad.
func (r *ropeSpec) fill(cos, sin []float32, pos int32) {
	for i, f := range r.Inv {
		s, c := math.Sincos(math.Mod(float64(pos)*f, 2*math.Pi))
		cos[i], sin[i] = float32(c*r.mscale), float32(s*r.mscale)
	}
}

// ropes builds the rotation of every layer (nil = none) and the list of
// distinct ones. ctx is the context that the engine was opened with: longrope
// files carry one set of factors below the original context and one above.
func (m *Model) ropes(ctx int) error {
	c := m.cfg
	factors, err := m.ropeFactors(ctx)
	if err != nil {
		return err
	}
	main := c.newRopeSpec(c.RopeBase, factors, true)
	local := main
	m.ropeSpecs = []*ropeSpec{main}
	if (c.Arch.Window.Local || c.Arch.Window.Plain || c.WindowBase != c.RopeBase) && !allZero(c.Windows) {
		scaled := !c.Arch.Window.Local && !c.Arch.Window.Plain
		local = c.newRopeSpec(c.WindowBase, factors, scaled)
		m.ropeSpecs = append(m.ropeSpecs, local)
	}
	for i := range m.layers {
		l := &m.layers[i]
		switch {
		case c.RopeOff || c.Arch.NoRopeStep > 0 && (i+1)%c.Arch.NoRopeStep == 0:
			l.rope = -1
		case c.Windows[i] > 0 && local != main:
			l.rope = 1
		}
	}
	return nil
}

func allZero(x []int) bool {
	for _, v := range x {
		if v != 0 {
			return false
		}
	}
	return true
}

// ropeFactors reads the per-frequency divisors that apply, nil for none.
func (m *Model) ropeFactors(ctx int) ([]float32, error) {
	if !m.cfg.Arch.RopeFactors {
		return nil, nil
	}
	names := []string{"rope_freqs.weight", "rope_factors_short.weight"}
	if ctx > m.cfg.RopeOrigCtx {
		names[1] = "rope_factors_long.weight"
	}
	for _, n := range names {
		x, err := m.load.vector(n, m.cfg.RopeDim/2, true)
		if err != nil || x != nil {
			return x, err
		}
	}
	return nil, nil
}
