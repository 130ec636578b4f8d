// Package repl is the chat in the terminal: what `infer run` is without a
// prompt.
package repl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"kvasir"
)

// Config configures a chat.
type Config struct {
	Engine   *kvasir.Engine
	Terminal Terminal
	Model    string // shown in the banner
	System   string
	Template string
	Thinking *bool
	Options  kvasir.GenerateOptions
	Session  kvasir.SessionOptions
	Stats    bool
	History  *History // nil = none is kept
}

// Terminal is where a chat takes place.
type Terminal interface {
	io.Writer
	// ReadMessage returns the next message, of one or more lines. io.EOF ends
	// the chat; ErrInterrupt is a Ctrl-C on an empty line.
	ReadMessage(prompt string) (string, error)
	// Watch calls stop when the user presses Ctrl-C, until the returned
	// function is called. Other keys are kept for the next message.
	Watch(stop func()) (done func())
	// Style wraps text in the codes for dim text, where there is colour.
	Dim(text string) string
}

// ErrInterrupt is a Ctrl-C while nothing is written and nothing runs.
var ErrInterrupt = errors.New("interrupted")

// chat is the state of a conversation.
type chat struct {
	Config
	messages []kvasir.Message
	session  *kvasir.Session
	think    string // show, dim or hide
	last     turn
}

// turn is what the last answer took.
type turn struct {
	prompt, cached, output int
	first, total           time.Duration
	stopped                bool
}

// Run chats until the user leaves or ctx ends.
func Run(ctx context.Context, c Config) error {
	ch := &chat{Config: c, think: "dim"}
	defer ch.drop()
	info := c.Engine.Info()
	kv := c.Session.KV
	if kv == "" {
		kv = "dense"
	}
	fmt.Fprintf(c.Terminal, "%s, %s tokens of context, cache %s\n%s\n", c.Model, count(info.Context), kv, c.Terminal.Dim("/help lists the commands; Ctrl-C stops an answer, Ctrl-D leaves"))
	warned := false
	for ctx.Err() == nil {
		text, err := c.Terminal.ReadMessage(ch.promptText())
		switch {
		case errors.Is(err, ErrInterrupt) && !warned:
			warned = true
			fmt.Fprintln(c.Terminal, c.Terminal.Dim("Ctrl-C again, Ctrl-D or /exit leaves"))
			continue
		case errors.Is(err, ErrInterrupt), errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		warned = false
		if ch.handle(ctx, text) {
			return nil
		}
	}
	return ctx.Err()
}

// handle does what a message asks for and reports whether the chat is over.
func (ch *chat) handle(ctx context.Context, text string) bool {
	if strings.TrimSpace(text) == "" {
		return false
	}
	if ch.History != nil {
		if err := ch.History.Append(text); err != nil {
			ch.complain(err)
		}
	}
	if strings.HasPrefix(text, "/") && !strings.HasPrefix(text, "//") {
		leave, err := ch.command(ctx, text)
		if err != nil {
			ch.complain(err)
		}
		return leave
	}
	if strings.HasPrefix(text, "//") {
		text = text[1:]
	}
	ch.say(ctx, text)
	return false
}

// say sends a message and prints the answer.
func (ch *chat) say(ctx context.Context, text string) {
	ch.messages = append(ch.messages, kvasir.Message{Role: "user", Content: text})
	if err := ch.answer(ctx); err != nil {
		if ch.last.output == 0 { // nothing came: the message can be sent anew
			ch.messages = ch.messages[:len(ch.messages)-1]
		}
		ch.complain(err)
	}
}

func (ch *chat) complain(err error) {
	text := err.Error()
	if errors.Is(err, kvasir.ErrContextFull) {
		text += "\n(/clear begins anew, /undo drops the last turn, /kv chooses a cache that forgets)"
	}
	fmt.Fprintln(ch.Terminal, "error: "+text)
}

// promptText is the prompt with the fill of the context.
func (ch *chat) promptText() string {
	if ch.session == nil || ch.session.Len() == 0 {
		return "› "
	}
	n, most := ch.session.Len(), ch.Engine.Info().Context
	meter := fmt.Sprintf("ctx %s/%s", count(n), count(most))
	if n*10 > most*9 {
		meter += " nearly full"
	}
	return ch.Terminal.Dim(meter) + " › "
}

// count writes a number with separators.
func count(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// drop closes the session; the next answer computes the conversation anew.
func (ch *chat) drop() {
	if ch.session != nil {
		_ = ch.session.Close() // it is not in use
		ch.session = nil
	}
}

// request is the conversation with its settings.
func (ch *chat) request() kvasir.ChatRequest {
	r := kvasir.ChatRequest{Template: ch.Template, Thinking: ch.Thinking, GenerateOptions: ch.Options}
	if ch.System != "" {
		r.Messages = append(r.Messages, kvasir.Message{Role: "system", Content: ch.System})
	}
	r.Messages = append(r.Messages, ch.messages...)
	return r
}

// prepare makes the session hold what it shares with the conversation and
// returns the tokens that come after it.
func (ch *chat) prepare(r kvasir.ChatRequest) (kvasir.Prompt, []int32, error) {
	p, err := ch.Engine.ChatPrompt(r)
	if err != nil {
		return p, nil, err
	}
	toks, err := ch.Engine.Tokenize(p)
	if err != nil {
		return p, nil, err
	}
	if ch.session == nil {
		if ch.session, err = ch.Engine.NewSessionWith(ch.Session); err != nil {
			return p, nil, err
		}
	}
	have := ch.session.Tokens()
	same := 0
	for same < len(have) && same < len(toks)-1 && have[same] == toks[same] {
		same++
	}
	if same < len(have) {
		if err := ch.session.Truncate(same); err != nil { // a policy that cannot go back
			ch.drop()
			fmt.Fprintln(ch.Terminal, ch.Terminal.Dim("(the cache cannot be cut back; the conversation is computed anew)"))
			if ch.session, err = ch.Engine.NewSessionWith(ch.Session); err != nil {
				return p, nil, err
			}
			same = 0
		}
	}
	ch.last = turn{prompt: len(toks), cached: same}
	return p, toks[same:], nil
}

// answer generates the reply to the conversation and keeps it, also when it is
// stopped.
func (ch *chat) answer(ctx context.Context) error {
	ch.last = turn{}
	r := ch.request()
	p, toks, err := ch.prepare(r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer ch.Terminal.Watch(cancel)()
	out := &answerWriter{t: ch.Terminal, think: ch.think, split: ch.Engine.NewSplitter(r, p)}
	began := time.Now()
	for tok, gerr := range ch.session.Generate(ctx, kvasir.Prompt{Tokens: toks}, ch.Options) {
		if gerr != nil {
			err = gerr
			break
		}
		if ch.last.output++; ch.last.output == 1 {
			ch.last.first = time.Since(began)
		}
		out.token(tok)
	}
	ch.last.total = time.Since(began)
	out.end()
	if errors.Is(err, context.Canceled) {
		ch.last.stopped, err = true, nil
		fmt.Fprintln(ch.Terminal, ch.Terminal.Dim("(stopped)"))
	}
	if ch.last.output > 0 || ch.last.stopped {
		ch.messages = append(ch.messages, kvasir.Message{Role: "assistant", Content: out.content.String()})
	}
	if ch.Stats {
		ch.printStats()
	}
	return err
}
