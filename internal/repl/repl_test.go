package repl

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kvasir"
	"kvasir/internal/tinymodel"
)

// desk is a user at a raw terminal.
type desk struct {
	t    *testing.T
	keys *io.PipeWriter
	mu   sync.Mutex
	out  strings.Builder
	done chan error
}

func (d *desk) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.out.Write(p)
}

func (d *desk) text() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.out.String()
}

// see waits for text on the screen, which is then wiped.
func (d *desk) see(text string) string {
	d.t.Helper()
	require.Eventually(d.t, func() bool { return strings.Contains(d.text(), text) }, 10*time.Second, time.Millisecond, "waiting for %q; there is %q", text, d.text())
	d.mu.Lock()
	defer d.mu.Unlock()
	all := d.out.String()
	d.out.Reset()
	return all
}

func (d *desk) press(keys string) {
	d.t.Helper()
	_, err := io.WriteString(d.keys, keys)
	require.NoError(d.t, err)
}

// sit starts a chat with a small model; prompts sees the messages of each
// answer as text.
func sit(t *testing.T, change func(*Config)) (*desk, *kvasir.Engine) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tiny.gguf")
	require.NoError(t, tinymodel.Write(path, tinymodel.Spec{Arch: "qwen2", Text: true, Context: 4096}))
	eng, err := kvasir.Open(path, kvasir.Options{})
	require.NoError(t, err)
	r, w := io.Pipe()
	d := &desk{t: t, keys: w, done: make(chan error, 1)}
	o := kvasir.GenerateOptions{MaxTokens: 5, Sampling: kvasir.Greedy()}
	c := Config{Engine: eng, Model: "tiny", Options: o}
	if change != nil {
		change(&c)
	}
	c.Terminal = NewTTY(r, d, c.History, false, nil)
	go func() { d.done <- Run(context.Background(), c) }()
	t.Cleanup(func() {
		w.Close()
		select {
		case <-d.done:
		case <-time.After(10 * time.Second):
			t.Error("the chat did not end")
		}
		require.NoError(t, eng.Close())
	})
	d.see("› ")
	return d, eng
}

func TestChatKeepsTheConversation(t *testing.T) {
	d, _ := sit(t, nil)
	d.press("hello\r")
	d.see("ctx ")
	d.press("again\r")
	d.see("› ")
	d.press("/context\r")
	d.see("in all")
	d.press("/stats\r")
	require.NotContains(t, d.see("cache "), " 0 of them cached")
	d.press("/undo\r/retry\r")
	d.see("› ")
	d.press("/exit\r")
	require.NoError(t, <-d.done)
	d.done <- nil
}

// What is pasted arrives byte for byte and is not sent by itself.
func TestPastedText(t *testing.T) {
	dir := t.TempDir()
	h, err := OpenHistory(filepath.Join(dir, "h"))
	require.NoError(t, err)
	d, _ := sit(t, func(c *Config) { c.History = h })
	var lines []string
	for i := range 40 {
		lines = append(lines, fmt.Sprintf("line %d\twith a tab, \"quotes\" and ünïcode \\", i))
	}
	lines[7] = ""
	text := strings.Join(lines, "\n")
	d.press("\x1b[200~" + strings.ReplaceAll(text, "\n", "\r") + "\x1b[201~")
	time.Sleep(50 * time.Millisecond)
	require.Empty(t, h.entries, "not sent yet")
	d.press(" end\r")
	d.see("› ")
	require.Eventually(t, func() bool { return len(h.entries) == 1 }, 5*time.Second, time.Millisecond)
	require.Equal(t, text+" end", h.entries[0])
	again, err := OpenHistory(filepath.Join(dir, "h"))
	require.NoError(t, err)
	require.Equal(t, h.entries, again.entries)
	info, err := os.Stat(filepath.Join(dir, "h"))
	require.NoError(t, err)
	require.Zero(t, info.Mode().Perm()&0o077)
}

func TestMessagesOfSeveralLines(t *testing.T) {
	for _, tc := range []struct {
		lines []string
		want  string
	}{
		{[]string{"one"}, "one"},
		{[]string{`one\`, "two"}, "one\ntwo"},
		{[]string{`"""one`, "", `two"""`}, "one\n\ntwo"},
		{[]string{`"""`, "one", `"""`}, "one"},
		{[]string{`"""one"""`}, "one"},
	} {
		m := &message{}
		for i, l := range tc.lines {
			require.Equal(t, i == len(tc.lines)-1, m.add(l, false), "%q", tc.lines)
		}
		require.Equal(t, tc.want, m.text())
	}
}

// Ctrl-C stops an answer at once and keeps what there is of it.
func TestInterrupt(t *testing.T) {
	d, eng := sit(t, func(c *Config) {
		c.Options.MaxTokens, c.Options.Sampling.IgnoreEOS = 0, true
		c.Options.Logits = func(int, []float32) { time.Sleep(time.Millisecond) }
	})
	d.press("tell me everything\r")
	time.Sleep(100 * time.Millisecond)
	began := time.Now()
	d.press("\x03")
	d.see("(stopped)")
	require.Less(t, time.Since(began), 5*time.Second)
	n := eng.Stats().CacheBytes
	require.Positive(t, n)
	d.press("/context\r")
	all := d.see("in all")
	require.NotContains(t, all, "assistant        0")
	d.press("half a line\x03")
	d.see("^C")
	d.press("\x03")
	d.see("Ctrl-C again")
	d.press("\x03")
	require.NoError(t, <-d.done)
	d.done <- nil
}

func TestCommands(t *testing.T) {
	d, _ := sit(t, nil)
	file := filepath.Join(t.TempDir(), "chat.json")
	text := filepath.Join(t.TempDir(), "a.txt")
	binary := filepath.Join(t.TempDir(), "b.bin")
	require.NoError(t, os.WriteFile(text, []byte("some text"), 0o600))
	require.NoError(t, os.WriteFile(binary, []byte{0, 1, 2, 255}, 0o600))
	for _, tc := range [][2]string{
		{"/help", "/retry"}, {"/hlep", "did you mean /help"}, {"/system be brief", "› "}, {"/system", "be brief"},
		{"/set temp 0.5", "› "}, {"/set", `"temperature":0.5`}, {"/set temp x", "error"}, {"/set nothing 1", "there is no setting"},
		{"/set repeat_penalty -1", "error"}, {"/set think hide", "› "}, {"/set think on", "cannot be asked"}, {"/undo", "error"},
		{"/read " + binary, "is not text"}, {"/read " + text, "tokens)"}, {"/save " + file, "saved)"}, {"/clear", "› "},
		{"/load " + file, "loaded)"}, {"/load " + text, "no saved chat"}, {"/kv", "cache policy"}, {"/kv nonsense", "error"}, {"//slash", "› "},
	} {
		d.see("")
		d.press(tc[0] + "\r")
		d.see(tc[1])
	}
	d.press("/bye\r")
	require.NoError(t, <-d.done)
	d.done <- nil
}

func TestCleanShowsControls(t *testing.T) {
	require.Equal(t, "a␛[2Jb\n\tc␛", Clean("a\x1b[2Jb\n\tc\u009b"))
	require.Equal(t, "1,234,567", count(1234567))
	require.Equal(t, "12", count(12))
}

func TestPlainTerminal(t *testing.T) {
	var out strings.Builder
	p := NewPlain(strings.NewReader("one\\\r\ntwo\nlast"), &out)
	for _, want := range []string{"one\ntwo", "last"} {
		got, err := p.ReadMessage("> ")
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err := p.ReadMessage("> ")
	require.ErrorIs(t, err, io.EOF)
}
