package repl

import (
	"errors"
	"io"
	"strings"
	"sync"

	"golang.org/x/term"
)

const ctrlC = 0x03

// TTY is a Terminal on a tty in raw mode: line editing, history, pasted text.
// While an answer runs, keys are read as well: Ctrl-C stops it, the others are
// for the next message.
type TTY struct {
	keys    *keyboard
	out     io.Writer
	history *History
	colour  bool
	size    func() (width, height int)
	edit    *term.Terminal
}

// NewTTY returns a terminal on a raw tty. size may be nil.
func NewTTY(in io.Reader, out io.Writer, h *History, colour bool, size func() (width, height int)) *TTY {
	t := &TTY{keys: newKeyboard(in), out: out, history: h, colour: colour, size: size}
	t.reset()
	return t
}

// reset begins a new line editor, which forgets what was typed.
func (t *TTY) reset() {
	t.edit = term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{t.keys, t.out}, "")
	if t.history != nil {
		t.edit.History = t.history
	}
}

// Write writes text; line breaks become those of a raw tty.
func (t *TTY) Write(p []byte) (int, error) {
	if _, err := io.WriteString(t.out, strings.ReplaceAll(string(p), "\n", "\r\n")); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Dim makes text dim where there is colour.
func (t *TTY) Dim(text string) string {
	if !t.colour {
		return text
	}
	return "\x1b[2m" + text + "\x1b[0m"
}

// ReadMessage reads lines until a message is whole: a line, lines that end
// with \, all between two """, or all that was pasted at once and what is
// typed behind it.
func (t *TTY) ReadMessage(prompt string) (string, error) {
	if t.size != nil {
		if w, h := t.size(); w > 0 {
			_ = t.edit.SetSize(w, h) // fails only while it writes
		}
	}
	t.edit.SetBracketedPasteMode(true)
	defer t.edit.SetBracketedPasteMode(false)
	m := &message{}
	for {
		t.edit.SetPrompt(prompt)
		line, err := t.edit.ReadLine()
		pasted := errors.Is(err, term.ErrPasteIndicator)
		if err != nil && !pasted {
			if ended, typed := t.keys.interrupted(); ended {
				empty := m.empty() && !typed
				t.reset()
				t.edit.SetBracketedPasteMode(true)
				if _, err := t.Write([]byte("^C\n")); err != nil {
					return "", err
				}
				if empty {
					return "", ErrInterrupt
				}
				m = &message{}
				continue
			}
			return "", err
		}
		prompt = ""
		if m.add(line, pasted) {
			return m.text(), nil
		}
	}
}

// Watch reads keys while an answer runs.
func (t *TTY) Watch(stop func()) (done func()) {
	t.keys.watch(stop)
	return func() { t.keys.watch(nil) }
}

// keyboard reads a tty for the line editor, and looks for Ctrl-C while an
// answer runs.
type keyboard struct {
	mu    sync.Mutex
	cond  *sync.Cond
	buf   []byte
	err   error
	stop  func()
	ctrlC bool // the editor was told of an end because of it
	typed bool // keys were given since the last line ended
}

func newKeyboard(in io.Reader) *keyboard {
	k := &keyboard{}
	k.cond = sync.NewCond(&k.mu)
	go k.pump(in)
	return k
}

// pump takes what is typed, for ever: a read of a tty cannot be interrupted.
func (k *keyboard) pump(in io.Reader) {
	b := make([]byte, 4096)
	for {
		n, err := in.Read(b)
		k.mu.Lock()
		for _, c := range b[:n] {
			if c == ctrlC && k.stop != nil {
				k.stop()
				k.buf = k.buf[:0] // what was typed ahead is dropped with it
				continue
			}
			k.buf = append(k.buf, c)
		}
		if err != nil {
			k.err = err
			if k.stop != nil {
				k.stop()
			}
		}
		k.cond.Broadcast()
		k.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (k *keyboard) watch(stop func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stop = stop
}

// Read gives keys to the line editor; Ctrl-C ends its line.
func (k *keyboard) Read(p []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for len(k.buf) == 0 && k.err == nil {
		k.cond.Wait()
	}
	if len(k.buf) == 0 {
		return 0, k.err
	}
	n := 0
	for n < len(p) && n < len(k.buf) {
		p[n] = k.buf[n]
		n++
		if p[n-1] == ctrlC {
			k.ctrlC = true
			break
		}
		k.typed = p[n-1] != '\r'
	}
	k.buf = append(k.buf[:0], k.buf[n:]...)
	return n, nil
}

// interrupted reports, once, whether a line ended because of Ctrl-C, and
// whether something was typed before it.
func (k *keyboard) interrupted() (ended, typed bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	ended, typed = k.ctrlC, k.typed
	k.ctrlC, k.typed = false, false
	return ended, typed
}
