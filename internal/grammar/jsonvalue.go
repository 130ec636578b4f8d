package grammar

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strconv"
	"strings"
)

// Limits of schema texts.
const (
	maxSchema      = 1 << 20
	maxSchemaDepth = 64
	maxSchemaNodes = 50000
)

// value is a JSON value that keeps the order of its properties.
type value struct {
	kind  byte   // one of n t f 0 " [ {
	text  string // of a string or number
	keys  []string
	items []value
}

// parseJSON reads one JSON value.
func parseJSON(text []byte) (value, error) {
	if len(text) > maxSchema {
		return value{}, fmt.Errorf("%d bytes of JSON, more than %d: %w", len(text), maxSchema, ErrTooComplex)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	p := jsonParser{d: d}
	v, err := p.value(0)
	if err == nil {
		if _, end := d.Token(); !errors.Is(end, io.EOF) {
			err = errors.New("more follows behind the value")
		}
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil && !errors.Is(err, ErrTooComplex) {
		err = fmt.Errorf("%w: JSON: %w", ErrSyntax, err)
	}
	return v, err
}

type jsonParser struct {
	d     *json.Decoder
	nodes int
}

func (p *jsonParser) value(depth int) (v value, err error) {
	if p.nodes++; p.nodes > maxSchemaNodes || depth > maxSchemaDepth {
		return v, fmt.Errorf("more than %d values, or nested deeper than %d: %w", maxSchemaNodes, maxSchemaDepth, ErrTooComplex)
	}
	t, err := p.d.Token()
	if err != nil {
		return v, err
	}
	switch t := t.(type) {
	case nil:
		v.kind = 'n'
	case bool:
		v.kind = 'f'
		if t {
			v.kind = 't'
		}
	case string:
		v.kind, v.text = '"', t
	case json.Number:
		v.kind, v.text = '0', string(t)
	case json.Delim:
		v.kind = byte(t)
		return v, p.children(&v, depth)
	}
	return v, nil
}

func (p *jsonParser) children(v *value, depth int) error {
	seen := map[string]bool{}
	for p.d.More() {
		if v.kind == '{' {
			t, err := p.d.Token()
			if err != nil {
				return err
			}
			key, _ := t.(string)
			if seen[key] {
				return fmt.Errorf("property %q appears twice", key)
			}
			seen[key] = true
			v.keys = append(v.keys, key)
		}
		c, err := p.value(depth + 1)
		if err != nil {
			return err
		}
		v.items = append(v.items, c)
	}
	_, err := p.d.Token()
	return err
}

// get returns a property.
func (v *value) get(key string) (value, bool) {
	if v.kind == '{' {
		for i, k := range v.keys {
			if k == key {
				return v.items[i], true
			}
		}
	}
	return value{}, false
}

// json returns the value as compact JSON text.
func (v value) json() string {
	switch v.kind {
	case 'n':
		return "null"
	case 't':
		return "true"
	case 'f':
		return "false"
	case '0':
		return v.text
	case '"':
		return quote(v.text)
	}
	var b strings.Builder
	b.WriteByte(v.kind)
	for i, c := range v.items {
		if i > 0 {
			b.WriteByte(',')
		}
		if v.kind == '{' {
			b.WriteString(quote(v.keys[i]))
			b.WriteByte(':')
		}
		b.WriteString(c.json())
	}
	b.WriteByte(v.kind + 2)
	return b.String()
}

// quote returns a JSON string.
func quote(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string never fails
	return strings.TrimSuffix(b.String(), "\n")
}

// equal compares as JSON schema does: numbers by value, objects without order.
func (v value) equal(o value) bool {
	if v.kind != o.kind || len(v.items) != len(o.items) {
		return false
	}
	switch v.kind {
	case '0':
		a, errA := v.rat()
		b, errB := o.rat()
		return errA == nil && errB == nil && a.Cmp(b) == 0 || v.text == o.text
	case '{':
		for i, k := range v.keys {
			if c, ok := o.get(k); !ok || !v.items[i].equal(c) {
				return false
			}
		}
		return true
	}
	for i := range v.items {
		if !v.items[i].equal(o.items[i]) {
			return false
		}
	}
	return v.text == o.text
}

// rat returns a number; those of many digits are refused.
func (v value) rat() (*big.Rat, error) {
	exponent := 0
	if i := strings.IndexAny(v.text, "eE"); i >= 0 {
		var err error
		if exponent, err = strconv.Atoi(v.text[i+1:]); err != nil {
			exponent = 1000
		}
	}
	r, ok := new(big.Rat), v.kind == '0'
	if ok && (len(v.text) > 60 || exponent > 60 || exponent < -60) {
		return nil, fmt.Errorf("the number %.70s: %w", v.text, ErrTooComplex)
	}
	if ok {
		r, ok = r.SetString(v.text)
	}
	if !ok {
		return nil, fmt.Errorf("%w: %.70s is not a number", ErrSyntax, v.json())
	}
	return r, nil
}

// count returns a number that must be a whole one, 0 or more.
func (v value) count() (int, error) {
	r, err := v.rat()
	if err != nil {
		return 0, err
	}
	if !r.IsInt() || r.Sign() < 0 || !r.Num().IsInt64() || r.Num().Int64() > 1<<40 {
		return 0, fmt.Errorf("%w: %s is not a whole number from 0 on", ErrSyntax, v.text)
	}
	return int(r.Num().Int64()), nil
}
