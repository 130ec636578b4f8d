package server

import (
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"kvasir"
	"kvasir/sampler"
)

// Limits of fields.
const (
	maxStops      = 16
	maxStopBytes  = 256
	maxBias       = 1024
	maxTop        = 20
	maxChoices    = 16
	maxNameBytes  = 256
	maxTextBytes  = maxBody
	maxSchemaSize = 64 << 10
)

// openAISampling are the defaults of OpenAI's API: the model's distribution as
// it is.
func openAISampling() kvasir.Sampling {
	p := kvasir.DefaultSampling()
	p.Temperature, p.TopP, p.TopK, p.MinP = 1, 1, 0, 0
	return p
}

// sampling reads the settings that all APIs share over p.
func sampling(f *fields, p kvasir.Sampling) kvasir.Sampling {
	const most = 1 << 30
	p.Temperature = f.float("temperature", p.Temperature, 0, 2)
	p.TopP = f.float("top_p", p.TopP, 0, 1)
	p.TopK = f.integer("top_k", p.TopK, -1, most)
	p.MinP = f.float("min_p", p.MinP, 0, 1)
	p.TypicalP = f.float("typical_p", p.TypicalP, 0, 1)
	p.TopNSigma = f.float("top_n_sigma", p.TopNSigma, -1, 100)
	p.TopH = f.float("top_h", p.TopH, 0, 1)
	p.RepeatPenalty = f.float("repeat_penalty", p.RepeatPenalty, 0.01, 100)
	p.RepeatLastN = f.integer("repeat_last_n", p.RepeatLastN, -1, most)
	p.PresencePenalty = f.float("presence_penalty", p.PresencePenalty, -2, 2)
	p.FrequencyPenalty = f.float("frequency_penalty", p.FrequencyPenalty, -2, 2)
	p.DynatempRange = f.float("dynatemp_range", p.DynatempRange, 0, 10)
	p.DynatempExponent = f.float("dynatemp_exponent", p.DynatempExponent, 0, 10)
	p.XTCProbability = f.float("xtc_probability", p.XTCProbability, 0, 1)
	p.XTCThreshold = f.float("xtc_threshold", p.XTCThreshold, 0, 1)
	p.DRYMultiplier = f.float("dry_multiplier", p.DRYMultiplier, 0, 100)
	p.DRYBase = f.float("dry_base", p.DRYBase, 0, 100)
	p.DRYAllowedLength = f.integer("dry_allowed_length", p.DRYAllowedLength, 0, most)
	p.DRYPenaltyLastN = f.integer("dry_penalty_last_n", p.DRYPenaltyLastN, -1, most)
	if f.has("dry_sequence_breakers") {
		p.DRYBreakers = f.strs("dry_sequence_breakers", 64, 64)
	} else {
		f.get("dry_sequence_breakers")
	}
	p.Mirostat = f.integer("mirostat", p.Mirostat, 0, 2)
	p.MirostatTau = f.float("mirostat_tau", p.MirostatTau, 0, 100)
	p.MirostatEta = f.float("mirostat_eta", p.MirostatEta, 0, 1)
	p.MinKeep = f.integer("min_keep", p.MinKeep, 0, most)
	p.IgnoreEOS = f.boolean("ignore_eos", p.IgnoreEOS)
	if s := f.strs("samplers", 32, 64); s != nil {
		p.Samplers = s
	}
	p.Seed = seed(f)
	p.LogitBias = logitBias(f)
	return p
}

// seed reads a seed; negative ones are random.
func seed(f *fields) sampler.Seed {
	n := f.get("seed")
	if n == nil {
		return sampler.Seed{}
	}
	v, ok := n.integer()
	if !ok {
		f.d.fail(invalidValue(f.at("seed"), "seed must be a whole number"))
	}
	if v < 0 {
		return sampler.Seed{}
	}
	return kvasir.FixedSeed(uint64(v))
}

func logitBias(f *fields) map[int32]float32 {
	o := f.object("logit_bias")
	if o == nil {
		return nil
	}
	if len(o.n.fields) > maxBias {
		f.d.fail(invalidValue(o.path, "logit_bias has %d entries, the limit is %d", len(o.n.fields), maxBias))
		return nil
	}
	out := map[int32]float32{}
	for name := range o.n.fields {
		id, err := strconv.ParseInt(name, 10, 32)
		if err != nil || id < 0 {
			f.d.fail(invalidValue(o.path, "logit_bias: %q is no token id", name))
			return nil
		}
		out[int32(id)] = float32(o.float(name, 0, -100, 100))
	}
	return out
}

// stops reads stop strings.
func stops(f *fields) []string {
	list := f.strs("stop", maxStops, maxStopBytes)
	out := list[:0]
	for i, s := range list {
		if s == "" {
			f.d.fail(invalidValue(fmt.Sprintf("stop[%d]", i), "an empty stop string would stop at once"))
		}
		out = append(out, s)
	}
	return out
}

// kvSetting reads the cache policy: the text of the flag, or an object with
// its parameters.
func kvSetting(f *fields, name string) string {
	n := f.get(name)
	switch {
	case n == nil:
		return ""
	case n.kind == stringNode:
		return n.text
	case n.kind != objectNode:
		f.wrong(name, n, "a string or an object")
		return ""
	}
	o := &fields{n: n, d: f.d, path: f.at(name)}
	policy := o.str("policy", "", 64)
	if policy == "" {
		policy = o.str("name", "", 64)
	}
	if policy == "" {
		f.d.fail(invalidValue(o.path, "%s needs a policy", o.path))
		return ""
	}
	var params []string
	for k, v := range n.fields {
		if k == "policy" || k == "name" || v.kind == nullNode {
			continue
		}
		text := string(v.json())
		if v.kind == stringNode {
			text = v.text
		}
		if v.kind == objectNode || v.kind == listNode || strings.ContainsAny(k+text, ",=:") {
			f.d.fail(invalidValue(o.at(k), "%s must be a number or a word", o.at(k)))
		}
		params = append(params, k+"="+text)
	}
	if len(params) == 0 {
		return policy
	}
	sort.Strings(params)
	return policy + ":" + strings.Join(params, ",")
}

// common reads the fields of a generation that all APIs of OpenAI's kind share.
func (s *Server) common(f *fields) kvasir.Request {
	var r kvasir.Request
	r.Sampling = sampling(f, openAISampling())
	r.Stop = stops(f)
	r.N = f.integer("n", 1, 1, maxChoices)
	r.Session.KV = kvSetting(f, "kv")
	if a := kvSetting(f, "attention"); a != "" && a != s.cfg.Options.Attention && !(a == "dense" && s.cfg.Options.Attention == "") {
		f.d.fail(unsupported("attention", " per request; the server was started with "+orDense(s.cfg.Options.Attention)))
	}
	r.Session.Scope = f.str("cache_salt", "", maxNameBytes)
	f.ignore("user", "safety_identifier", "prompt_cache_key")
	f.refuse("", "speculation")
	ownConstraints(f, &r)
	return r
}

func orDense(name string) string {
	if name == "" {
		return "dense"
	}
	return name
}

// paramError points at the setting that the engine refused.
func paramError(err error) error {
	var p *sampler.ParamError
	if errors.As(err, &p) {
		return invalidValue(p.Param, "%s", p.Error())
	}
	return err
}
