package chat

import "strings"

// PieceKind says what a piece of a reply is.
type PieceKind uint8

// Kinds of pieces.
const (
	PieceContent   PieceKind = iota // text for the user
	PieceReasoning                  // thinking before the content
	PieceCall                       // a call begins: Name
	PieceArguments                  // a part of the arguments of the last call, JSON text
)

// Piece is a part of a reply.
type Piece struct {
	Kind PieceKind
	Text string
}

// Splitter splits a reply, which comes in parts, into reasoning, content and
// calls of declared tools. Text that may turn out to begin a marker is held
// back. Whatever is not a call of a declared tool is content, to the byte,
// but for white space around calls. Not safe for concurrent use.
//
// It knows calls as JSON objects with a name and arguments (or parameters):
// between <tool_call> tags anywhere in a reply, or bare, possibly in a list or
// as the value of "tool_call", where a reply or its content begins.
type Splitter struct {
	tools   map[string]bool
	state   splitState
	buf     string
	shown   int // bytes of the arguments that were handed on
	calls   int
	tagged  bool // the call in progress stands between tags
	fresh   bool // reasoning begins: newlines are dropped
	thought bool // there was reasoning: white space before content is dropped
	out     []Piece
}

type splitState uint8

const (
	splitOpening splitState = iota // nothing but white space so far
	splitReasoning
	splitContent
	splitCall  // buf begins with what may be a call
	splitAfter // after a call: more of them, or content
)

// Markers.
const (
	thinkOpen  = "<think>"
	thinkClose = "</think>"
	callOpen   = "<tool_call>"
	callClose  = "</tool_call>"
	maxCall    = 256 << 10 // longer ones are content
)

// NewSplitter returns a splitter for a reply to a prompt that ends with the
// given text; tools are the names that may be called.
func NewSplitter(promptEnd string, tools []string) *Splitter {
	s := &Splitter{tools: map[string]bool{}}
	for _, t := range tools {
		s.tools[t] = true
	}
	if strings.HasSuffix(strings.TrimRight(promptEnd, " \n"), thinkOpen) {
		s.state, s.fresh = splitReasoning, true
	}
	return s
}

// Push takes the next part of the reply and returns what is settled, valid
// until the next call.
func (s *Splitter) Push(text string) []Piece {
	s.out = s.out[:0]
	s.buf += text
	for s.step(false) {
	}
	return s.out
}

// Flush ends the reply.
func (s *Splitter) Flush() []Piece {
	s.out = s.out[:0]
	for s.step(true) {
	}
	return s.out
}

// Calls is how many calls there were.
func (s *Splitter) Calls() int { return s.calls }

// step makes progress with buf and reports whether there may be more to do.
func (s *Splitter) step(end bool) bool {
	switch s.state {
	case splitOpening:
		return s.opening(end)
	case splitReasoning:
		return s.reasoning(end)
	case splitContent:
		return s.content(end)
	case splitCall:
		return s.call(end)
	}
	return s.after(end)
}

func (s *Splitter) emit(kind PieceKind, text string) {
	if text == "" && kind != PieceCall {
		return
	}
	if n := len(s.out); n > 0 && s.out[n-1].Kind == kind && kind != PieceCall {
		s.out[n-1].Text += text
		return
	}
	s.out = append(s.out, Piece{kind, text})
}

// opening decides what a reply begins with.
func (s *Splitter) opening(end bool) bool {
	trimmed := strings.TrimLeft(s.buf, " \t\r\n")
	switch {
	case strings.HasPrefix(trimmed, thinkOpen):
		s.buf, s.state, s.fresh = trimmed[len(thinkOpen):], splitReasoning, true
		return true
	case !end && (trimmed == "" || strings.HasPrefix(thinkOpen, trimmed)):
		return false
	case len(s.tools) > 0 && trimmed != "" && (trimmed[0] == '{' || trimmed[0] == '['):
		s.state, s.tagged, s.shown = splitCall, false, 0
		return true
	}
	if s.state = splitContent; s.thought {
		s.buf = trimmed
	}
	return true
}

func (s *Splitter) reasoning(end bool) bool {
	if s.fresh {
		s.buf = strings.TrimLeft(s.buf, "\n")
		s.fresh = s.buf == ""
	}
	if i := strings.Index(s.buf, thinkClose); i >= 0 {
		s.emit(PieceReasoning, strings.TrimRight(s.buf[:i], "\n"))
		s.buf, s.state, s.thought = s.buf[i+len(thinkClose):], splitOpening, true
		return true
	}
	hold := heldBack(s.buf, thinkClose)
	for hold < len(s.buf) && s.buf[len(s.buf)-hold-1] == '\n' {
		hold++
	}
	if end {
		hold = 0
	}
	s.emit(PieceReasoning, s.buf[:len(s.buf)-hold])
	s.buf = s.buf[len(s.buf)-hold:]
	return false
}

func (s *Splitter) content(end bool) bool {
	if len(s.tools) == 0 {
		s.emit(PieceContent, s.buf)
		s.buf = ""
		return false
	}
	if i := strings.Index(s.buf, callOpen); i >= 0 {
		kept := strings.TrimRight(s.buf[:i], " \n")
		s.emit(PieceContent, kept)
		s.buf = s.buf[len(kept):]
		s.state, s.tagged, s.shown = splitCall, true, 0
		return true
	}
	hold := heldBack(s.buf, callOpen)
	for hold < len(s.buf) && strings.IndexByte(" \n", s.buf[len(s.buf)-hold-1]) >= 0 {
		hold++
	}
	if end {
		hold = 0
	}
	s.emit(PieceContent, s.buf[:len(s.buf)-hold])
	s.buf = s.buf[len(s.buf)-hold:]
	return false
}

// heldBack is the length of the longest end of text that begins marker.
func heldBack(text, marker string) int {
	for n := min(len(text), len(marker)-1); n > 0; n-- {
		if strings.HasSuffix(text, marker[:n]) {
			return n
		}
	}
	return 0
}

// call reads a call at the beginning of buf, or gives it back as content.
func (s *Splitter) call(end bool) bool {
	start := len(s.buf) - len(strings.TrimLeft(s.buf, " \t\r\n,;"))
	if s.tagged {
		start = strings.Index(s.buf, callOpen) + len(callOpen)
	}
	c := scanCall(s.buf[start:])
	named := c.argStart >= 0 && c.name != ""
	if s.shown == 0 && (named && !s.tools[c.name] || !named && (c.bad || end || c.end >= 0 || len(s.buf) > maxCall)) {
		return s.giveUp()
	}
	if !named {
		return false
	}
	if s.shown == 0 {
		s.calls++
		s.emit(PieceCall, c.name)
	}
	stop := len(s.buf) - start
	if c.argEnd >= 0 {
		stop = c.argEnd
	}
	if from := c.argStart + s.shown; stop > from {
		s.emit(PieceArguments, s.buf[start+from:start+stop])
		s.shown = stop - c.argStart
	}
	switch {
	case c.bad: // something else follows the arguments
		s.buf, s.state = s.buf[start+c.argEnd:], splitContent
		return true
	case c.end >= 0:
		s.buf, s.state = s.buf[start+c.end:], splitAfter
		return true
	case end:
		s.buf, s.state = "", splitContent
	}
	return false
}

// giveUp hands on what looked like a call as content.
func (s *Splitter) giveUp() bool {
	n := 1
	if s.tagged {
		n = strings.Index(s.buf, callOpen) + len(callOpen)
	}
	s.emit(PieceContent, s.buf[:n])
	s.buf, s.state = s.buf[n:], splitContent
	return true
}

// after looks for what follows a call: its closing tag, more calls, content.
func (s *Splitter) after(end bool) bool {
	rest := strings.TrimLeft(s.buf, " \t\r\n,;]")
	switch {
	case strings.HasPrefix(rest, callClose):
		s.buf = rest[len(callClose):]
		return true
	case strings.HasPrefix(rest, callOpen):
		s.buf, s.state, s.tagged, s.shown = rest, splitCall, true, 0
		return true
	case !s.tagged && strings.HasPrefix(rest, "{"):
		s.buf, s.state, s.shown = rest, splitCall, 0
		return true
	case !end && (rest == "" || strings.HasPrefix(callClose, rest) || strings.HasPrefix(callOpen, rest)):
		return false
	case rest == "":
		s.buf = ""
		return false
	}
	s.buf, s.state = rest, splitContent
	return true
}
