package repl

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// maxHistory is how many messages are remembered.
const maxHistory = 1000

// History remembers messages over runs, one JSON string a line, so that
// messages of several lines stay whole. Nobody else can read the file.
type History struct {
	path    string
	entries []string // oldest first
}

// OpenHistory reads a history; a file that is not there is an empty one.
func OpenHistory(path string) (*History, error) {
	h := &History{path: path}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return h, nil
	}
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var text string
		if json.Unmarshal(lines.Bytes(), &text) == nil { // a damaged line is no reason to refuse
			h.entries = append(h.entries, text)
		}
	}
	h.entries = h.entries[max(0, len(h.entries)-maxHistory):]
	return h, nil
}

// Append remembers a message.
func (h *History) Append(text string) error {
	h.entries = append(h.entries, text)
	if err := os.MkdirAll(filepath.Dir(h.path), 0o700); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	b, err := json.Marshal(text)
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	flags := os.O_CREATE | os.O_APPEND | os.O_WRONLY
	if len(h.entries) > 2*maxHistory { // now and then the file is written anew
		h.entries = h.entries[len(h.entries)-maxHistory:]
		flags, b = os.O_CREATE|os.O_TRUNC|os.O_WRONLY, nil
		for _, e := range h.entries {
			line, err := json.Marshal(e)
			if err != nil {
				return fmt.Errorf("history: %w", err)
			}
			b = append(append(b, line...), '\n')
		}
	} else {
		b = append(b, '\n')
	}
	f, err := os.OpenFile(h.path, flags, 0o600)
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	return nil
}

// Len returns the number of entries. Len, At and Add make it the history of a line
// editor.
func (h *History) Len() int { return len(h.entries) }

// At returns an entry, as one line; 0 is the latest.
func (h *History) At(i int) string { return h.entries[len(h.entries)-1-i] }

// Add does nothing: whole messages are appended, not the lines they come in.
func (h *History) Add(string) {}
