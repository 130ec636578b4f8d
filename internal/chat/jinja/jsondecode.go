package jinja

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// FromJSON decodes one JSON value, keeping the order of object keys. Strings
// and keys are marked as input if fromInput is set. Numbers become integers
// or floats as Python's json module would make them.
func FromJSON(data []byte, fromInput bool) (Value, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	d := &jsonDecoder{dec: dec, text: Text}
	if fromInput {
		d.text = Input
	}
	v, err := d.value(0)
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("decode json: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("decode json: text behind the value")
	}
	return v, nil
}

type jsonDecoder struct {
	dec  *json.Decoder
	text func(string) *Str
}

func (d *jsonDecoder) value(nest int) (Value, error) {
	if nest > maxDataNest {
		return nil, limitf("values nest deeper than %d", maxDataNest)
	}
	tok, err := d.dec.Token()
	if err != nil {
		return nil, err
	}
	switch tok := tok.(type) {
	case json.Delim:
		if tok == '[' {
			return d.list(nest)
		}
		return d.dict(nest)
	case string:
		return d.text(tok), nil
	case bool:
		return Bool(tok), nil
	case json.Number:
		return jsonNumber(tok.String())
	}
	return None{}, nil
}

func (d *jsonDecoder) list(nest int) (Value, error) {
	l := NewList()
	for d.dec.More() {
		v, err := d.value(nest + 1)
		if err != nil {
			return nil, err
		}
		l.Append(v)
	}
	_, err := d.dec.Token()
	return l, err
}

func (d *jsonDecoder) dict(nest int) (Value, error) {
	m := NewDict()
	for d.dec.More() {
		key, err := d.dec.Token()
		if err != nil {
			return nil, err
		}
		name, ok := key.(string)
		if !ok {
			return nil, fmt.Errorf("object key is not a string")
		}
		v, err := d.value(nest + 1)
		if err != nil {
			return nil, err
		}
		m.set(dictKey{kind: 's', s: name}, d.text(name), v)
	}
	_, err := d.dec.Token()
	return m, err
}

func jsonNumber(s string) (Value, error) {
	if strings.ContainsAny(s, ".eE") {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return nil, err
		}
		return Float(f), nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if errors.Is(err, strconv.ErrRange) {
		return &BigInt{digits: s}, nil
	}
	return Int(n), err
}
