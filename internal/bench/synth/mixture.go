package synth

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"kvasir/quant"
)

// Mixture says which tensor has which format, as llama.cpp's quantizer decides it.
type Mixture struct {
	base     quant.Type
	fileType uint32 // general.file_type
	// pick returns the format of a matrix, of which p tells where it stands.
	pick func(p place) quant.Type
}

// place is a matrix of a layer.
type place struct {
	kind          string // "attn_v", "ffn_down", …
	layer, layers int
	gqa           int // query heads per kv head
	base          quant.Type
}

// Mixtures holds every kind of file by its usual name.
var Mixtures = map[string]Mixture{
	"F32":    {quant.F32, 0, pickBase},
	"F16":    {quant.F16, 1, pickBase},
	"BF16":   {quant.BF16, 32, pickBase},
	"Q4_0":   {quant.Q4_0, 2, pickBase},
	"Q4_1":   {quant.Q4_1, 3, pickBase},
	"Q5_0":   {quant.Q5_0, 8, pickBase},
	"Q5_1":   {quant.Q5_1, 9, pickBase},
	"Q8_0":   {quant.Q8_0, 7, pickBase},
	"Q2_K":   {quant.Q2_K, 10, pickQ2K},
	"Q3_K_S": {quant.Q3_K, 11, pickBase},
	"Q3_K_M": {quant.Q3_K, 12, pickQ3KM},
	"Q3_K_L": {quant.Q3_K, 13, pickQ3KL},
	"Q4_K_S": {quant.Q4_K, 14, pickQ4KS},
	"Q4_K_M": {quant.Q4_K, 15, pickKM},
	"Q5_K_S": {quant.Q5_K, 16, pickBase},
	"Q5_K_M": {quant.Q5_K, 17, pickKM},
	"Q6_K":   {quant.Q6_K, 18, pickBase},
	"IQ4_NL": {quant.IQ4_NL, 25, pickIQ4},
	"IQ4_XS": {quant.IQ4_XS, 30, pickIQ4},
	"TQ1_0":  {quant.TQ1_0, 36, pickBase},
	"TQ2_0":  {quant.TQ2_0, 37, pickBase},
	"MXFP4":  {quant.MXFP4, 38, pickBase},
}

// LookupMixture finds a mixture by name, whatever its case.
func LookupMixture(name string) (Mixture, error) {
	m, ok := Mixtures[strings.ToUpper(name)]
	if !ok {
		return m, fmt.Errorf("type %q: use one of %s", name, strings.Join(MixtureNames(), ", "))
	}
	return m, nil
}

// MixtureNames returns the names of Mixtures in alphabetical order.
func MixtureNames() []string { return slices.Sorted(maps.Keys(Mixtures)) }

// float says whether weights are not quantized at all.
func (m Mixture) float() bool {
	return m.base == quant.F32 || m.base == quant.F16 || m.base == quant.BF16
}

// output returns the format of the output matrix, which the embedding shares when
// it is tied.
func (m Mixture) output(cols int) quant.Type {
	if m.float() || m.base == quant.Q8_0 {
		return m.base
	}
	if cols%256 != 0 {
		return quant.Q8_0
	}
	return quant.Q6_K
}

// embedding returns the format of an embedding that is not tied.
func (m Mixture) embedding(cols int) quant.Type {
	if m.base == quant.TQ1_0 || m.base == quant.TQ2_0 {
		return fit(quant.Q4_K, cols)
	}
	return fit(m.base, cols)
}

// matrix returns the format of a matrix of a layer.
func (m Mixture) matrix(p place, cols int) quant.Type {
	p.base = m.base
	return fit(m.pick(p), cols)
}

// fallbacks replace the formats of 256 values a block where rows are no multiple.
var fallbacks = map[quant.Type]quant.Type{
	quant.Q2_K: quant.Q4_0, quant.Q3_K: quant.Q4_0, quant.TQ1_0: quant.Q4_0, quant.TQ2_0: quant.Q4_0,
	quant.Q4_K: quant.Q5_0, quant.Q5_K: quant.Q5_1, quant.Q6_K: quant.Q8_0, quant.IQ4_XS: quant.IQ4_NL,
}

// fit returns t, or its fallback where rows of cols values are no whole blocks.
func fit(t quant.Type, cols int) quant.Type {
	if f, ok := fallbacks[t]; ok && cols%256 != 0 {
		return f
	}
	return t
}

// more selects the layers that the K mixtures give more bits: the first and last
// eighth and every third between.
func (p place) more() bool {
	eighth := p.layers / 8
	return p.layer < eighth || p.layer >= 7*p.layers/8 || (p.layer-eighth)%3 == 2
}

func pickBase(p place) quant.Type { return p.base }

func pickKM(p place) quant.Type {
	if (p.kind == "attn_v" || p.kind == "ffn_down") && p.more() {
		return quant.Q6_K
	}
	return p.base
}

func pickQ4KS(p place) quant.Type {
	if p.kind == "attn_v" && p.layer < 4 || p.kind == "ffn_down" && p.layer < p.layers/8 {
		return quant.Q5_K
	}
	return p.base
}

func pickQ3KM(p place) quant.Type {
	switch {
	case p.kind == "attn_v" && p.layer < 2, p.kind == "ffn_down" && p.layer < p.layers/16:
		return quant.Q5_K
	case p.kind == "attn_v", p.kind == "ffn_down", p.kind == "attn_output":
		return quant.Q4_K
	}
	return p.base
}

func pickQ3KL(p place) quant.Type {
	if p.kind == "attn_v" || p.kind == "ffn_down" || p.kind == "attn_output" {
		return quant.Q5_K
	}
	return p.base
}

func pickQ2K(p place) quant.Type {
	switch {
	case p.kind == "attn_v" && p.gqa >= 4:
		return quant.Q4_K
	case p.kind == "attn_v", p.kind == "ffn_down", p.kind == "attn_output":
		return quant.Q3_K
	}
	return p.base
}

func pickIQ4(p place) quant.Type {
	if p.kind == "attn_v" && p.gqa >= 4 || p.kind == "ffn_down" && p.layer < p.layers/8 {
		return quant.Q5_K
	}
	return p.base
}
