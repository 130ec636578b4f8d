package repl

import (
	"bufio"
	"io"
	"strings"
)

const quotes = `"""`

// message puts lines together.
type message struct {
	lines  []string
	quoted bool
}

func (m *message) empty() bool { return len(m.lines) == 0 && !m.quoted }

// add takes a line and reports whether the message is whole. Pasted lines never
// end it, whatever they hold.
func (m *message) add(line string, pasted bool) bool {
	switch {
	case pasted:
		m.lines = append(m.lines, line)
		return false
	case m.quoted:
		if text, ok := strings.CutSuffix(line, quotes); ok {
			if text != "" {
				m.lines = append(m.lines, text)
			}
			m.quoted = false
			return true
		}
		m.lines = append(m.lines, line)
		return false
	case len(m.lines) == 0 && strings.HasPrefix(line, quotes):
		rest := line[len(quotes):]
		if text, ok := strings.CutSuffix(rest, quotes); ok && rest != "" {
			m.lines = append(m.lines, text)
			return true
		}
		m.quoted = true
		if rest != "" {
			m.lines = append(m.lines, rest)
		}
		return false
	}
	if text, ok := strings.CutSuffix(line, `\`); ok {
		m.lines = append(m.lines, text)
		return false
	}
	m.lines = append(m.lines, line)
	return true
}

func (m *message) text() string { return strings.Join(m.lines, "\n") }

// Plain is a Terminal without editing, for dumb terminals: lines in, text out.
type Plain struct {
	in  *bufio.Reader
	out io.Writer
}

// NewPlain returns a terminal on streams.
func NewPlain(in io.Reader, out io.Writer) *Plain { return &Plain{bufio.NewReader(in), out} }

// Write writes text as it is.
func (t *Plain) Write(p []byte) (int, error) { return t.out.Write(p) }

// Dim changes nothing.
func (t *Plain) Dim(text string) string { return text }

// Watch does nothing: Ctrl-C ends the process.
func (t *Plain) Watch(func()) (done func()) { return func() {} }

// ReadMessage reads a message as TTY does.
func (t *Plain) ReadMessage(prompt string) (string, error) {
	if _, err := io.WriteString(t.out, prompt); err != nil {
		return "", err
	}
	m := &message{}
	for {
		line, err := t.in.ReadString('\n')
		if err != nil && line == "" {
			return "", err
		}
		if m.add(strings.TrimRight(line, "\r\n"), false) {
			return m.text(), nil
		}
	}
}
