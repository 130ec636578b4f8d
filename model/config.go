package model

import (
	"errors"
	"fmt"
	"math"
	"sort"
	"strings"

	"kvasir/internal/gguf"
)

// Errors that callers branch on.
var (
	// ErrUnsupported: the file asks for an architecture or feature that is not there.
	ErrUnsupported = errors.New("unsupported model")
	// ErrBadModel: the file contradicts itself or its architecture.
	ErrBadModel = errors.New("bad model file")
)

// Config holds the hyper-parameters of a model, named as in the field.
type Config struct {
	Arch          *Arch
	Name          string
	ContextLength int // trained context
	EmbedDim      int
	FFNDim        []int // per layer
	Layers        int
	VocabSize     int
	Heads         int
	KVHeads       []int // per layer
	KeyDim        int   // per head
	ValueDim      int   // per head
	Eps           float32
	Windows       []int // per layer, 0 = global

	Experts, ExpertsUsed int
	ExpertDim            int
	SharedExpertDim      int
	ExpertScale          float32
	AttnScale            float32
	AttnCap, FinalCap    float32
	EmbedScale, ResScale float32
	LogitScale           float32 // logits are divided by it
	RopeDim              int
	RopeBase, WindowBase float64
	RopeType             string // none, linear, yarn, longrope
	RopeFactor           float64
	RopeOrigCtx          int
	RopeAttnFactor       float64
	RopeOff              bool
	YarnFast, YarnSlow   float64
}

// LoadConfig reads and checks the hyper-parameters of a file.
func LoadConfig(f *gguf.File) (*Config, error) {
	name, err := f.String("general.architecture")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadModel, err)
	}
	arch, ok := Archs[name]
	if !ok {
		return nil, fmt.Errorf("%w: architecture %q: known are %s", ErrUnsupported, name, strings.Join(ArchNames(), ", "))
	}
	k := &keys{f: f, prefix: name + "."}
	c := &Config{Arch: arch}
	c.Name, _ = f.String("general.name")
	c.readSizes(k)
	c.readRope(k)
	c.readScales(k)
	if k.err == nil {
		c.readWindows(k)
	}
	if k.err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadModel, k.err)
	}
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrBadModel, name, err)
	}
	return c, nil
}

// ArchNames lists the architectures that can be run.
func ArchNames() []string {
	names := make([]string, 0, len(Archs))
	for n := range Archs {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// Bounds of hyper-parameters; anything beyond is taken for a damaged file.
const (
	maxLayers  = 512
	maxHeadDim = 1024
	maxExperts = 1024
	maxDim     = 1 << 20
	maxCtx     = 1 << 27
	maxVocab   = 1 << 24
)

func (c *Config) readSizes(k *keys) {
	c.Layers = k.num("block_count", 1, maxLayers)
	c.ContextLength = k.num("context_length", 1, maxCtx)
	c.EmbedDim = k.num("embedding_length", 1, maxDim)
	c.Heads = k.num("attention.head_count", 1, maxDim)
	c.KVHeads = k.perLayer("attention.head_count_kv", c.Heads, c.Layers, maxDim)
	c.FFNDim = k.perLayer("feed_forward_length", 0, c.Layers, maxDim)
	dim := 0
	if c.Heads > 0 {
		dim = c.EmbedDim / c.Heads
	}
	c.KeyDim = k.numOr("attention.key_length", dim, maxHeadDim)
	c.ValueDim = k.numOr("attention.value_length", dim, maxHeadDim)
	c.Eps = float32(k.floatOr("attention.layer_norm_rms_epsilon", 0))
	c.Experts = k.numOr("expert_count", 0, maxExperts)
	if c.Experts > 0 {
		c.ExpertsUsed = k.num("expert_used_count", 1, c.Experts)
		c.ExpertDim = k.numOr("expert_feed_forward_length", 0, maxDim)
		c.SharedExpertDim = k.numOr("expert_shared_feed_forward_length", 0, maxDim)
		c.ExpertScale = float32(k.floatOr("expert_weights_scale", 0))
	}
	c.VocabSize = k.vocab(maxVocab)
}

func (c *Config) readRope(k *keys) {
	c.RopeDim = k.numOr("rope.dimension_count", c.KeyDim, maxHeadDim)
	c.RopeBase = k.floatOr("rope.freq_base", 10000)
	c.WindowBase = c.RopeBase
	if c.Arch.Window.Local {
		c.WindowBase = 10000
	}
	if !c.Arch.Window.Plain {
		c.WindowBase = k.floatOr("rope.freq_base_swa", c.WindowBase)
	}
	c.RopeType = k.stringOr("rope.scaling.type", "linear")
	c.RopeFactor = k.floatOr("rope.scaling.factor", k.floatOr("rope.scale_linear", 0))
	if c.RopeFactor == 0 || c.RopeType == "none" {
		c.RopeFactor = 1
	}
	c.RopeOrigCtx = k.numOr("rope.scaling.original_context_length", c.ContextLength, maxCtx)
	if c.RopeOrigCtx == 0 {
		c.RopeOrigCtx = c.ContextLength
	}
	c.RopeAttnFactor = k.floatOr("rope.scaling.attn_factor", 1)
	c.YarnFast = k.floatOr("rope.scaling.yarn_beta_fast", 32)
	c.YarnSlow = k.floatOr("rope.scaling.yarn_beta_slow", 1)
	if c.Arch.RopeFinetuned {
		c.RopeOff = !k.boolOr("rope.scaling.finetuned", true)
	}
}

func (c *Config) readScales(k *keys) {
	c.EmbedScale, c.ResScale, c.LogitScale = 1, 1, 1
	if c.Arch.EmbedSqrt {
		c.EmbedScale = float32(math.Sqrt(float64(c.EmbedDim)))
	}
	dim := c.KeyDim
	if n := c.Arch.WideLayers; n > 0 && n == c.Layers && c.Heads > 0 {
		dim = c.EmbedDim / c.Heads
	}
	if dim > 0 {
		c.AttnScale = float32(1 / math.Sqrt(float64(dim)))
	}
	if c.Arch.Scales {
		one := func(key string) float32 {
			if v := float32(k.floatOr(key, 0)); v != 0 {
				return v
			}
			return 1
		}
		c.EmbedScale, c.ResScale, c.LogitScale = one("embedding_scale"), one("residual_scale"), one("logit_scale")
		if v := float32(k.floatOr("attention.scale", 0)); v != 0 {
			c.AttnScale = v
		}
	}
	if c.Arch.AttnCap {
		c.AttnCap = float32(k.floatOr("attn_logit_softcapping", 50))
	}
	if c.Arch.FinalCap {
		def := 0.0
		if c.Arch.AttnCap { // gemma2 has both by default
			def = 30
		}
		c.FinalCap = float32(k.floatOr("final_logit_softcapping", def))
	}
}

func (c *Config) readWindows(k *keys) {
	c.Windows = make([]int, c.Layers)
	w := c.Arch.Window
	if w.Pattern == 0 {
		return
	}
	size := k.numOr("attention.sliding_window", w.Default, maxCtx)
	if size == 0 {
		return
	}
	slides, isArray := k.bools("attention.sliding_window_pattern", c.Layers)
	n := w.Pattern
	if !isArray {
		n = k.numOr("attention.sliding_window_pattern", w.Pattern, maxLayers)
	}
	for i := range c.Windows {
		if isArray && slides[i] || !isArray && (n == 0 || i%n < n-1) {
			c.Windows[i] = size
		}
	}
}

func (c *Config) validate() error {
	for _, kv := range c.KVHeads {
		if kv < 1 || c.Heads%kv != 0 {
			return fmt.Errorf("%d attention heads cannot share %d key-value heads", c.Heads, kv)
		}
	}
	switch {
	case c.KeyDim < 1 || c.KeyDim%2 != 0 || c.ValueDim < 1 || c.ValueDim%2 != 0:
		return fmt.Errorf("head sizes %d and %d: must be even and positive", c.KeyDim, c.ValueDim)
	case c.RopeDim < 2 || c.RopeDim%2 != 0 || c.RopeDim > c.KeyDim:
		return fmt.Errorf("%d rotated values of a head of %d: must be even and at most the head", c.RopeDim, c.KeyDim)
	case !(c.Eps > 0) || c.Eps > 1:
		return fmt.Errorf("norm epsilon %g: must be positive", c.Eps)
	case !(c.RopeBase > 0) || !(c.WindowBase > 0) || !(c.RopeFactor > 0):
		return fmt.Errorf("rope base %g and factor %g: must be positive", c.RopeBase, c.RopeFactor)
	case c.Experts == 0 && c.Arch.FFN == FFNOAI:
		return errors.New("no experts in an architecture that needs them")
	case c.FinalCap < 0 || c.AttnCap < 0:
		return errors.New("a soft cap is negative")
	}
	switch c.RopeType {
	case "none", "linear", "yarn", "longrope":
	default:
		return fmt.Errorf("rope scaling %q: known are none, linear, yarn, longrope", c.RopeType)
	}
	for i, n := range c.FFNDim {
		if n < 1 && c.Experts == 0 {
			return fmt.Errorf("layer %d has a feed-forward length of %d", i, n)
		}
	}
	return nil
}
