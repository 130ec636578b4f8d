package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"unicode/utf8"
)

// Limits of a body.
const (
	maxBody  = 4 << 20
	maxDepth = 64
	maxNodes = 1 << 20
)

// node is a JSON value of a request.
type node struct {
	kind   nodeKind
	text   string // of a string or number
	truth  bool
	list   []*node
	fields map[string]*node
	raw    []byte // the bytes of an object or list
}

type nodeKind uint8

const (
	nullNode nodeKind = iota
	boolNode
	numberNode
	stringNode
	listNode
	objectNode
)

var kindNames = [...]string{"null", "a boolean", "a number", "a string", "a list", "an object"}

func (k nodeKind) String() string { return kindNames[k] }

// parseTree parses a body with limits on depth and count. Duplicate names are
// errors: two readers of one body would see different requests.
func parseTree(body []byte) (*node, *apiError) {
	if !utf8.Valid(body) {
		return nil, badRequest("invalid_json", "", "the body is not valid UTF-8")
	}
	p := &treeParser{body: body, dec: json.NewDecoder(bytes.NewReader(body))}
	p.dec.UseNumber()
	n, err := p.value(0)
	if err == nil {
		if _, more := p.dec.Token(); !errors.Is(more, io.EOF) {
			err = badRequest("invalid_json", "", "the body goes on after the JSON value")
		}
	}
	if err != nil {
		var api *apiError
		if errors.As(err, &api) {
			return nil, api
		}
		return nil, badRequest("invalid_json", "", "the body is not valid JSON: %v", err)
	}
	return n, nil
}

type treeParser struct {
	body  []byte
	dec   *json.Decoder
	nodes int
}

func (p *treeParser) value(depth int) (*node, error) {
	if p.nodes++; p.nodes > maxNodes {
		return nil, badRequest("invalid_json", "", "the body has more than %d values", maxNodes)
	}
	tok, err := p.dec.Token()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	switch t := tok.(type) {
	case nil:
		return &node{}, nil
	case bool:
		return &node{kind: boolNode, truth: t}, nil
	case json.Number:
		return &node{kind: numberNode, text: t.String()}, nil
	case string:
		return &node{kind: stringNode, text: t}, nil
	case json.Delim:
		if depth >= maxDepth {
			return nil, badRequest("invalid_json", "", "the body is nested deeper than %d", maxDepth)
		}
		start := p.dec.InputOffset() - 1
		var n *node
		if t == '{' {
			n, err = p.object(depth)
		} else {
			n, err = p.elements(depth)
		}
		if err != nil {
			return nil, err
		}
		n.raw = p.body[start:p.dec.InputOffset()]
		return n, nil
	}
	return nil, fmt.Errorf("unexpected token %v", tok)
}

func (p *treeParser) object(depth int) (*node, error) {
	n := &node{kind: objectNode, fields: map[string]*node{}}
	for p.dec.More() {
		tok, err := p.dec.Token()
		if err != nil {
			return nil, err
		}
		name, ok := tok.(string)
		if !ok {
			return nil, errors.New("a name is missing")
		}
		if _, twice := n.fields[name]; twice {
			return nil, badRequest("invalid_json", name, "the name %q appears twice in one object", name)
		}
		if n.fields[name], err = p.value(depth + 1); err != nil {
			return nil, err
		}
	}
	_, err := p.dec.Token()
	return n, err
}

func (p *treeParser) elements(depth int) (*node, error) {
	n := &node{kind: listNode}
	for p.dec.More() {
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		n.list = append(n.list, v)
	}
	_, err := p.dec.Token()
	return n, err
}

// number reads a finite number.
func (n *node) number() (float64, bool) {
	if n.kind != numberNode {
		return 0, false
	}
	v, err := strconv.ParseFloat(n.text, 64)
	return v, err == nil && !math.IsInf(v, 0)
}

// integer reads a whole number, which may be written 1.0.
func (n *node) integer() (int64, bool) {
	if n.kind != numberNode {
		return 0, false
	}
	if v, err := strconv.ParseInt(n.text, 10, 64); err == nil {
		return v, true
	}
	v, ok := n.number()
	if !ok || v != math.Trunc(v) || math.Abs(v) > 1<<53 {
		return 0, false
	}
	return int64(v), true
}
