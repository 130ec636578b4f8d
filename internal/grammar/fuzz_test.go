package grammar

import (
	"errors"
	"math/rand/v2"
	"testing"

	"kvasir/sampler"
)

// exercise uses a grammar for some tokens; every error must be one of the package's.
func exercise(t *testing.T, r *Rules, err error, v *Vocab) {
	var g *Grammar
	if err == nil {
		g, err = Compile(r)
	}
	var m *Matcher
	if err == nil {
		m, err = NewMatcher("fuzz", g, v)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	var set sampler.Bitset
	for n := 0; n < 8 && err == nil; n++ {
		m.Forced(4)
		if err = m.Mask(&set); err != nil {
			break
		}
		ids := set.AppendTo(nil)
		if len(ids) == 0 {
			return
		}
		if err = m.Accept(ids[rng.IntN(len(ids))]); errors.Is(err, sampler.ErrConstraint) {
			t.Fatalf("a token of the mask is refused: %v", err)
		}
	}
	for _, known := range []error{nil, ErrSyntax, ErrImpossible, ErrUnsupported, ErrTooComplex} {
		if errors.Is(err, known) {
			return
		}
	}
	t.Fatalf("unknown error %v", err)
}

func FuzzGBNF(f *testing.F) {
	for _, s := range []string{
		`root ::= "a"* [^b-c\n]{2,5} (x | "\u00e9")? .` + "\nx ::= \"(\" root \")\" # end", `root ::= <[12]> !<[3]>`,
		`root ::= root`, `root ::= ((""*)*)*`, `root ::= (""{2000}){2000}`, "root ::= a a\na ::= b b\nb ::= \"x\"? \"x\"?",
	} {
		f.Add(s)
	}
	v := smallVocab(f)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseGBNF(text, nil)
		exercise(t, r, err, v)
	})
}

func FuzzRegex(f *testing.F) {
	for _, s := range []string{`^a(b|c)*[^d]{2,3}$`, `(?i)x|\d+\.\u0041`, `(a*)*b{0,1000}`, `\p{L}+\b`} {
		f.Add(s)
	}
	v := smallVocab(f)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRegex(text)
		exercise(t, r, err, v)
	})
}

func FuzzSchema(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"type":["integer","string"],"minimum":-3.5,"maxLength":9}`, `{"$ref":"#"}`, `{"enum":[1,"a",{"b":[null]}]}`,
		`{"properties":{"a":{"$ref":"#/$defs/x"}},"$defs":{"x":{"items":{"$ref":"#"},"prefixItems":[true,false]}},"required":["a"]}`,
		`{"allOf":[{"required":["q"]},{"additionalProperties":{"pattern":"^\"+$"}}],"anyOf":[{"properties":{"q":{"format":"date"}}},{"$ref":"#/anyOf/0"}]}`,
		`{"oneOf":[{"const":1},{"const":2}]}`, `{"not":{}}`, `{"minimum":1e99999}`,
	} {
		f.Add(s)
	}
	v := smallVocab(f)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseSchema([]byte(text), SchemaOptions{Compact: len(text)%2 == 0})
		exercise(t, r, err, v)
	})
}
