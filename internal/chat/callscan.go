package chat

import (
	"encoding/json"
	"strings"
)

// callScan is what is known of a call whose text may be incomplete. Offsets
// are into the text, -1 = not known yet.
type callScan struct {
	name             string
	argStart, argEnd int
	end              int  // behind the whole call
	bad              bool // no call, whatever follows
}

// scanCall reads the beginning of text as a call: an object with a name and
// arguments, possibly as the value of "tool_call" or "function", or in a list.
func scanCall(text string) callScan {
	p := &callParser{text: text, c: callScan{argStart: -1, argEnd: -1, end: -1}}
	p.space()
	if p.peek() == '[' {
		p.i++
		p.space()
	}
	if p.object(2) {
		p.c.end = p.i
	}
	return p.c
}

type callParser struct {
	text string
	i    int
	c    callScan
}

func (p *callParser) peek() byte {
	if p.i < len(p.text) {
		return p.text[p.i]
	}
	return 0
}

func (p *callParser) space() {
	for p.i < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.i]) >= 0 {
		p.i++
	}
}

// want consumes a byte; false when it is not there, for good or yet.
func (p *callParser) want(b byte) bool {
	p.space()
	if p.i == len(p.text) {
		return false
	}
	if p.text[p.i] != b {
		p.c.bad = true
		return false
	}
	p.i++
	return true
}

// object reads a call object; wrap is how many wrappers may still come.
func (p *callParser) object(wrap int) bool {
	if !p.want('{') {
		return false
	}
	for {
		key, ok := p.str()
		if !ok || !p.want(':') {
			return false
		}
		p.space()
		if !p.member(key, wrap) {
			return false
		}
		p.space()
		switch p.peek() {
		case ',':
			p.i++
		case '}':
			p.i++
			return true
		default:
			p.c.bad = p.i < len(p.text)
			return false
		}
	}
}

// member reads one value of a call object.
func (p *callParser) member(key string, wrap int) (ok bool) {
	switch key {
	case "tool_call", "function":
		if wrap > 0 && (p.peek() == '{' || p.i == len(p.text)) {
			return p.object(wrap - 1)
		}
	case "name":
		p.c.name, ok = p.str()
		return ok
	case "arguments", "parameters":
		if p.i == len(p.text) {
			return false
		}
		if p.peek() != '{' {
			p.c.bad = true
			return false
		}
		p.c.argStart = p.i
		if !p.value() {
			return false
		}
		p.c.argEnd = p.i
		return true
	case "id", "type":
	default:
		p.c.bad = true // the object is something else
		return false
	}
	return p.value()
}

// str reads a string.
func (p *callParser) str() (string, bool) {
	p.space()
	from := p.i
	if !p.want('"') {
		return "", false
	}
	for p.i < len(p.text) {
		switch p.text[p.i] {
		case '\\':
			p.i++
		case '"':
			p.i++
			var s string
			if json.Unmarshal([]byte(p.text[from:p.i]), &s) != nil {
				p.c.bad = true
				return "", false
			}
			return s, true
		}
		p.i++
	}
	return "", false
}

// skipString skips a string without looking into it.
func (p *callParser) skipString() bool {
	for p.i++; p.i < len(p.text); p.i++ {
		switch p.text[p.i] {
		case '\\':
			p.i++
		case '"':
			p.i++
			return true
		}
	}
	return false
}

// value skips a JSON value; objects and lists by their brackets.
func (p *callParser) value() bool {
	if c := p.peek(); c != '{' && c != '[' {
		return p.scalar()
	}
	depth := 0
	for p.i < len(p.text) {
		switch p.text[p.i] {
		case '"':
			if !p.skipString() {
				return false
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				p.i++
				return true
			}
		}
		p.i++
	}
	return false
}

func (p *callParser) scalar() bool {
	if p.peek() == '"' {
		return p.skipString()
	}
	for p.i < len(p.text) {
		if strings.IndexByte(",}] \n", p.text[p.i]) >= 0 {
			return true
		}
		p.i++
	}
	return false
}
