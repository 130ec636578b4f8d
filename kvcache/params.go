package kvcache

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Params are the parameters of a policy as the user wrote them.
type Params map[string]string

// ParsePolicy splits a specification, NAME or NAME:key=value,key=value, into
// the policy's name and its parameters. The empty specification is "dense".
func ParsePolicy(spec string) (name string, p Params, err error) {
	name, rest, any := strings.Cut(strings.TrimSpace(spec), ":")
	p = Params{}
	if name == "" {
		if any {
			return "", nil, fmt.Errorf("cache policy %q: the name is missing", spec)
		}
		return "dense", p, nil
	}
	if !any {
		return name, p, nil
	}
	for _, kv := range strings.Split(rest, ",") {
		k, v, ok := strings.Cut(kv, "=")
		k, v = strings.TrimSpace(k), strings.TrimSpace(v)
		if !ok || k == "" || v == "" {
			return "", nil, fmt.Errorf("cache policy %q: %q should be key=value", spec, kv)
		}
		if _, twice := p[k]; twice {
			return "", nil, fmt.Errorf("cache policy %q: %s is given twice", spec, k)
		}
		p[k] = v
	}
	return name, p, nil
}

// FormatPolicy is the inverse of ParsePolicy, with the keys in order.
func FormatPolicy(name string, p Params) string {
	if len(p) == 0 {
		return name
	}
	parts := make([]string, 0, len(p))
	for k, v := range p {
		parts = append(parts, k+"="+v)
	}
	sort.Strings(parts)
	return name + ":" + strings.Join(parts, ",")
}

// Only reports the first parameter that is not among the known ones.
func (p Params) Only(known ...string) error {
	keys := make([]string, 0, len(p))
	for k := range p {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		if slices.Contains(known, k) {
			continue
		}
		if len(known) == 0 {
			return fmt.Errorf("unknown parameter %q: there are none", k)
		}
		sort.Strings(known)
		return fmt.Errorf("unknown parameter %q: use %s", k, strings.Join(known, ", "))
	}
	return nil
}

// Int reads a whole number from lo to hi; absent = def.
func (p Params) Int(key string, def, lo, hi int) (int, error) {
	v, ok := p[key]
	if !ok {
		return def, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		return 0, fmt.Errorf("%s=%s: must be a whole number", key, v)
	}
	if n < lo || n > hi {
		return 0, fmt.Errorf("%s=%d: must be %d to %d", key, n, lo, hi)
	}
	return n, nil
}

// Share reads a number from lo to hi, written 0.25 or 1/4; absent = def.
func (p Params) Share(key string, def, lo, hi float64) (float64, error) {
	v, ok := p[key]
	if !ok {
		return def, nil
	}
	over, under, fraction := strings.Cut(v, "/")
	x, err := strconv.ParseFloat(over, 64)
	if err == nil && fraction {
		var d float64
		d, err = strconv.ParseFloat(under, 64)
		x /= d
	}
	if err != nil || math.IsNaN(x) {
		return 0, fmt.Errorf("%s=%s: must be a number such as 0.25 or 1/4", key, v)
	}
	if x < lo || x > hi {
		return 0, fmt.Errorf("%s=%s: must be %g to %g", key, v, lo, hi)
	}
	return x, nil
}

// Choice reads one of the allowed words; absent = the first.
func (p Params) Choice(key string, allowed ...string) (string, error) {
	v, ok := p[key]
	if !ok {
		return allowed[0], nil
	}
	if !slices.Contains(allowed, v) {
		return "", fmt.Errorf("%s=%s: must be one of %s", key, v, strings.Join(allowed, ", "))
	}
	return v, nil
}

// Bool reads true or false (1 or 0, on or off); absent = def.
func (p Params) Bool(key string, def bool) (bool, error) {
	switch v, ok := p[key]; {
	case !ok:
		return def, nil
	case v == "true" || v == "1" || v == "on":
		return true, nil
	case v == "false" || v == "0" || v == "off":
		return false, nil
	default:
		return false, fmt.Errorf("%s=%s: must be true or false", key, v)
	}
}
