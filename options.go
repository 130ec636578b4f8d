package kvasir

import (
	"fmt"
	"log/slog"
	"strconv"

	"kvasir/attention"
	"kvasir/internal/parallel"
	"kvasir/kvcache"
	"kvasir/model"
	"kvasir/sampler"
)

// Options configure an Engine. The zero value works.
type Options struct {
	// Context is the most tokens a session may hold; 0 = what the model was
	// trained with, at most 131072. Memory is taken as sessions grow, not up front.
	Context int `json:"ctx" flag:"ctx" usage:"most tokens a session may hold; 0 = as trained, at most 131072"`
	// Threads is the number of workers; 0 = one for each core that the process may use,
	// within its CPU quota.
	Threads int `json:"threads" flag:"threads" usage:"workers; 0 = one per core, within the CPU quota"`
	// Batch is the most tokens in one pass; 0 = 256.
	Batch int `json:"batch" flag:"batch" usage:"most tokens in one pass; 0 = 256"`
	// KV and KVType choose the cache policy and the storage of keys and values.
	// Sessions may have a policy of their own. KVBudget is short for the policy's
	// parameter budget; without a policy it means "auto".
	KV       string `json:"kv" flag:"kv" usage:"cache policy, NAME or NAME:key=value,…: see infer run --help"`
	KVBudget int    `json:"kv_budget" flag:"kv-budget" usage:"slots per cache lane that the policy may keep; 0 = its own choice"`
	KVType   string `json:"kv_type" flag:"kv-type" usage:"storage of keys and values: i16, f16, f32, bf16, q8_0, q4_0"`
	// PrefixBytes > 0 keeps computed prompts, up to so many bytes of cache, for
	// sessions whose prompts begin alike. What they give is the same to the bit.
	PrefixBytes int64 `json:"prefix_bytes" flag:"prefix-bytes" usage:"bytes of computed prompts to keep for others that begin alike; 0 = none"`
	// CacheBytes limits the cache of all sessions together; 0 = no limit.
	CacheBytes int64 `json:"cache_bytes" flag:"cache-bytes" usage:"limit of the cache in bytes; 0 = none"`
	// Attention chooses the attention variant.
	Attention string `json:"attention" flag:"attention" usage:"attention variant"`
	// Precision of activations: "standard" (8 bits, 15 where outliers would
	// spoil a block) or "high" (15 bits throughout: hardly to be told from the
	// exact model; prefill takes longer). "" = standard.
	Precision string `json:"precision" flag:"precision" usage:"precision of activations: standard or high"`
	// NoMmap reads the file into memory instead of mapping it.
	NoMmap bool `json:"no_mmap" flag:"no-mmap" usage:"read the file instead of mapping it"`
	// Logger receives warnings about the model file; nil = none.
	Logger *slog.Logger `json:"-"`
}

const (
	defaultBatch = 256
	maxDefault   = 131072  // context when none is asked for
	maxContext   = 1 << 24 // context that may be asked for
	maxBatch     = 4096
	maxThreads   = 1024
)

// resolved is Options with everything looked up and checked.
type resolved struct {
	Options
	k        kvcache.DType
	selector attention.Selector
	prec     model.Precision
}

// Validate reports the first setting that no model could be opened with.
func (o Options) Validate() error {
	_, err := o.resolve()
	return err
}

func (o Options) resolve() (*resolved, error) {
	r := &resolved{Options: o}
	if o.Context < 0 || o.Context > maxContext {
		return nil, fmt.Errorf("ctx %d: must be 0 to %d", o.Context, maxContext)
	}
	if o.Threads < 0 || o.Threads > maxThreads {
		return nil, fmt.Errorf("threads %d: must be 0 to %d", o.Threads, maxThreads)
	}
	if o.Batch < 0 || o.Batch > maxBatch {
		return nil, fmt.Errorf("batch %d: must be 0 to %d", o.Batch, maxBatch)
	}
	if o.PrefixBytes < 0 {
		return nil, fmt.Errorf("prefix-bytes %d: must not be negative", o.PrefixBytes)
	}
	if o.CacheBytes < 0 {
		return nil, fmt.Errorf("cache-bytes %d: must not be negative", o.CacheBytes)
	}
	if o.Threads == 0 {
		r.Threads = parallel.DefaultWorkers()
	}
	if o.Batch == 0 {
		r.Batch = defaultBatch
	}
	if o.KVType == "" {
		r.KVType = "i16"
	}
	if o.Precision == "" {
		r.Precision = model.Standard.String()
	}
	var err error
	if r.prec, err = model.ParsePrecision(r.Precision); err != nil {
		return nil, fmt.Errorf("precision: %w", err)
	}
	if r.k, err = kvcache.ParseDType(r.KVType); err != nil {
		return nil, fmt.Errorf("kv-type: %w", err)
	}
	if r.KV, err = policySpec(o.KV, o.KVBudget); err != nil {
		return nil, fmt.Errorf("kv: %w", err)
	}
	if r.selector, err = attention.Lookup(o.Attention); err != nil {
		return nil, fmt.Errorf("attention: %w", err)
	}
	return r, nil
}

// SessionOptions configure a session. The zero value means the engine's.
type SessionOptions struct {
	// KV is the cache policy, such as "snapkv:budget=1024".
	KV string
	// Scope keeps the prompts of different owners apart where computed prompts are
	// reused (Options.PrefixBytes): time to the first token tells what others asked.
	Scope string
}

// policySpec checks the name of a policy and adds the budget to its
// parameters.
func policySpec(spec string, budget int) (string, error) {
	if budget < 0 {
		return "", fmt.Errorf("budget %d: must not be negative", budget)
	}
	if budget > 0 && spec == "" {
		spec = "auto"
	}
	p, params, err := kvcache.LookupPolicy(spec)
	if err != nil || budget == 0 {
		return spec, err
	}
	if _, twice := params["budget"]; twice {
		return "", fmt.Errorf("%s gives a budget and kv-budget %d another", spec, budget)
	}
	params["budget"] = strconv.Itoa(budget)
	return kvcache.FormatPolicy(p.Name(), params), nil
}

// Sampling are the settings of the sampler; see [sampler.Params].
type Sampling = sampler.Params

// DefaultSampling returns the default settings.
func DefaultSampling() Sampling { return sampler.DefaultParams() }

// Greedy returns settings that always take the most likely token.
func Greedy() Sampling {
	p := sampler.DefaultParams()
	p.Temperature = 0
	return p
}

// GenerateOptions configure one generation. The zero value works.
type GenerateOptions struct {
	// MaxTokens limits the tokens; 0 = until the model ends or the context is full.
	MaxTokens int
	// Sampling chooses among tokens; the zero value means the defaults.
	Sampling Sampling
	// Stop ends the text before any of these strings appears.
	Stop []string
	// TopLogprobs > 0 asks for each token's log-probability and as many of the
	// most likely tokens, by the model's own distribution.
	TopLogprobs int
	// Constraint limits the text to a grammar, schema, expression or list.
	Constraint Constraint
	// Speculation, when set, drafts tokens and verifies several in one pass. It
	// must be of the session's engine.
	Speculation *Speculation
	// Logits, when set, sees the logits that each token is drawn from, before
	// it is drawn. pos is the position of the token. The slice may be changed.
	Logits func(pos int, logits []float32)
}

// Validate reports the first setting out of range.
func (o *GenerateOptions) Validate() error {
	if o.MaxTokens < 0 {
		return fmt.Errorf("max tokens %d: must not be negative", o.MaxTokens)
	}
	if o.TopLogprobs < 0 {
		return fmt.Errorf("top logprobs %d: must not be negative", o.TopLogprobs)
	}
	for _, s := range o.Stop {
		if s == "" {
			return fmt.Errorf("an empty stop string would stop at once")
		}
	}
	if _, err := o.Constraint.kind(); err != nil {
		return err
	}
	return o.Sampling.Validate()
}

// FixedSeed returns a seed that gives the same draws every time.
func FixedSeed(v uint64) sampler.Seed { return sampler.FixedSeed(v) }
