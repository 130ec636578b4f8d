package main

import (
	"fmt"
	"math"
	"reflect"
	"sort"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"kvasir/sampler"
)

// bindFlags defines a flag for every field of *opts that has a `flag` tag; the
// field's present value is the default.
func bindFlags(fs *pflag.FlagSet, opts any) {
	v := reflect.ValueOf(opts).Elem()
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, usage := f.Tag.Get("flag"), f.Tag.Get("usage")
		if name == "" {
			continue
		}
		switch p := v.Field(i).Addr().Interface().(type) {
		case *int:
			fs.IntVar(p, name, *p, usage)
		case *int64:
			fs.Int64Var(p, name, *p, usage)
		case *float64:
			fs.Float64Var(p, name, *p, usage)
		case *bool:
			fs.BoolVar(p, name, *p, usage)
		case *string:
			fs.StringVar(p, name, *p, usage)
		case *[]string:
			fs.StringSliceVar(p, name, *p, usage)
		case *map[int32]float32:
			fs.Var((*biasFlag)(p), name, usage+" (id=value)")
		case *sampler.Seed:
			fs.Var((*seedFlag)(p), name, usage)
		default:
			panic(fmt.Sprintf("flag %s: no binding for %T", name, p))
		}
	}
}

// biasFlag reads id=value pairs, several with commas or repeated flags.
type biasFlag map[int32]float32

func (b *biasFlag) String() string {
	parts := make([]string, 0, len(*b))
	for id, v := range *b {
		parts = append(parts, fmt.Sprintf("%d=%g", id, v))
	}
	sort.Strings(parts)
	return strings.Join(parts, ",")
}

func (b *biasFlag) Type() string { return "id=value" }

func (b *biasFlag) Set(s string) error {
	if *b == nil {
		*b = biasFlag{}
	}
	for _, pair := range strings.Split(s, ",") {
		id, val, ok := strings.Cut(pair, "=")
		if !ok {
			return fmt.Errorf("%q: want id=value", pair)
		}
		n, err := strconv.ParseInt(strings.TrimSpace(id), 10, 32)
		if err != nil || n < 0 {
			return fmt.Errorf("%q is no token id", id)
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(val), 32)
		if err != nil || math.IsNaN(v) {
			return fmt.Errorf("%q is no number", val)
		}
		(*b)[int32(n)] = float32(v)
	}
	return nil
}

// seedFlag reads a seed; -1 asks for a random one.
type seedFlag sampler.Seed

func (s *seedFlag) String() string { return sampler.Seed(*s).String() }

func (s *seedFlag) Type() string { return "int" }

func (s *seedFlag) Set(text string) error { return (*sampler.Seed)(s).UnmarshalText([]byte(text)) }
