package repl

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"kvasir"
)

// command is what a line that begins with / does.
type command struct {
	name, args, help string
	run              func(*chat, context.Context, string) (bool, error)
}

// commands are all of them, in the order of /help. It is a function because
// /help lists the others.
func commands() []command {
	return []command{
		{"help", "", "this list", (*chat).help},
		{"clear", "", "begin a new conversation", (*chat).clear},
		{"undo", "", "drop the last question and its answer", (*chat).undo},
		{"retry", "", "answer the last question again", (*chat).retry},
		{"system", "[TEXT]", "show or set the system message", (*chat).system},
		{"set", "[NAME VALUE]", "show or change a setting: temp, top-k, seed, …; think show|dim|hide|on|off; max-tokens N; stats on|off", (*chat).set},
		{"save", "FILE", "write conversation and settings to a file", (*chat).save},
		{"load", "FILE", "read them back", (*chat).load},
		{"read", "FILE", "send a text file as the next message", (*chat).read},
		{"stats", "", "speed and memory of the last answer", (*chat).stats},
		{"context", "", "where the tokens of the context are", (*chat).context},
		{"kv", "[POLICY]", "show or change the cache policy, as snapkv:budget=1024", (*chat).kv},
		{"exit", "", "leave (also /bye, Ctrl-D)", func(*chat, context.Context, string) (bool, error) { return true, nil }},
	}
}

// command runs one command and reports whether the chat is over.
func (ch *chat) command(ctx context.Context, line string) (bool, error) {
	name, rest, _ := strings.Cut(strings.TrimPrefix(line, "/"), " ")
	name = strings.TrimSpace(name)
	if name == "bye" || name == "quit" {
		name = "exit"
	}
	all := commands()
	for _, c := range all {
		if c.name == name {
			return c.run(ch, ctx, strings.TrimSpace(rest))
		}
	}
	near := slices.MinFunc(all, func(a, b command) int { return distance(name, a.name) - distance(name, b.name) })
	return false, fmt.Errorf("there is no command /%s; did you mean /%s? (a message may begin with // for one slash)", name, near.name)
}

// distance is the number of edits between two words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

func (ch *chat) help(context.Context, string) (bool, error) {
	for _, c := range commands() {
		fmt.Fprintf(ch.Terminal, "  /%-22s %s\n", strings.TrimSpace(c.name+" "+c.args), c.help)
	}
	fmt.Fprintln(ch.Terminal, `  """ opens and closes a message of several lines; a \ at the end of a line continues it; pasted text is kept as it is`)
	return false, nil
}

func (ch *chat) clear(context.Context, string) (bool, error) {
	ch.messages, ch.last = nil, turn{}
	ch.drop()
	return false, nil
}

// cut drops the messages from the last question on and returns it.
func (ch *chat) cut() (string, error) {
	for i := len(ch.messages) - 1; i >= 0; i-- {
		if ch.messages[i].Role == "user" {
			text := ch.messages[i].Content
			ch.messages = ch.messages[:i]
			return text, nil
		}
	}
	return "", errors.New("there is no question to go back to")
}

func (ch *chat) undo(context.Context, string) (bool, error) {
	_, err := ch.cut()
	return false, err
}

func (ch *chat) retry(ctx context.Context, _ string) (bool, error) {
	text, err := ch.cut()
	if err != nil {
		return false, err
	}
	ch.say(ctx, text)
	return false, nil
}

func (ch *chat) system(_ context.Context, text string) (bool, error) {
	if text == "" {
		fmt.Fprintln(ch.Terminal, "system: "+ch.System)
		return false, nil
	}
	ch.System = text
	return false, nil
}

func (ch *chat) read(ctx context.Context, path string) (bool, error) {
	if path == "" {
		return false, errors.New("/read needs a file")
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return false, err
	}
	if !utf8.Valid(b) || bytes.IndexByte(b, 0) >= 0 {
		return false, fmt.Errorf("%s is not text", path)
	}
	n := len(ch.Engine.Tokenizer().Encode(string(b), kvasir.EncodeOptions{}))
	fmt.Fprintln(ch.Terminal, ch.Terminal.Dim(fmt.Sprintf("(%s: %s tokens)", path, count(n))))
	ch.say(ctx, string(b))
	return false, nil
}

func (ch *chat) stats(context.Context, string) (bool, error) {
	if ch.session == nil {
		return false, errors.New("there was no answer yet")
	}
	ch.printStats()
	return false, nil
}

func (ch *chat) printStats() {
	l := ch.last
	rate := func(n int, s float64) float64 {
		if n <= 0 || s <= 0 {
			return 0
		}
		return float64(n) / s
	}
	fmt.Fprint(ch.Terminal, ch.Terminal.Dim(fmt.Sprintf("prompt %d tokens, %d of them cached; first token after %.2f s, %.1f tokens/s\nanswer %d tokens, %.1f tokens/s\n",
		l.prompt, l.cached, l.first.Seconds(), rate(l.prompt-l.cached, l.first.Seconds()), l.output, rate(l.output-1, (l.total-l.first).Seconds()))))
	if ch.session == nil {
		return
	}
	st := ch.session.CacheStats()
	m := ch.Engine.Memory()
	share := 100.0
	if st.BytesDense > 0 {
		share = 100 * float64(st.Bytes) / float64(st.BytesDense)
	}
	fmt.Fprint(ch.Terminal, ch.Terminal.Dim(fmt.Sprintf("cache %s, %.0f %% of dense; memory %s, weights %s of it\n", size(st.Bytes), share, size(m.Resident), size(m.Weights))))
}

func size(n int64) string {
	if n < 10<<20 {
		return fmt.Sprintf("%.0f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20))
}

func (ch *chat) context(context.Context, string) (bool, error) {
	by := map[string]int{}
	total := 0
	add := func(role, text string) {
		n := len(ch.Engine.Tokenizer().Encode(text, kvasir.EncodeOptions{}))
		by[role] += n
		total += n
	}
	add("system", ch.System)
	for _, m := range ch.messages {
		add(m.Role, m.Content)
	}
	held := total
	if ch.session != nil {
		held = max(held, ch.session.Len())
	}
	by["template"] = held - total
	most := ch.Engine.Info().Context
	for _, role := range []string{"system", "user", "assistant", "template"} {
		fmt.Fprintf(ch.Terminal, "  %-10s %7s  %s\n", role, count(by[role]), strings.Repeat("█", (by[role]*40+most-1)/most))
	}
	fmt.Fprintf(ch.Terminal, "  %-10s %7s of %s\n", "in all", count(held), count(most))
	return false, nil
}

func (ch *chat) kv(_ context.Context, spec string) (bool, error) {
	if spec == "" {
		name := ch.Session.KV
		if name == "" {
			name = "as opened"
		}
		fmt.Fprintln(ch.Terminal, "cache policy: "+name)
		return false, nil
	}
	o := kvasir.SessionOptions{KV: spec}
	s, err := ch.Engine.NewSessionWith(o)
	if err != nil {
		return false, err
	}
	had := ch.session != nil && ch.session.Len() > 0
	ch.drop()
	ch.Session, ch.session = o, s
	if had {
		fmt.Fprintln(ch.Terminal, ch.Terminal.Dim("(the conversation is computed anew with the next message)"))
	}
	return false, nil
}

func (ch *chat) set(_ context.Context, text string) (bool, error) {
	name, value, _ := strings.Cut(text, " ")
	value = strings.TrimSpace(value)
	switch {
	case name == "":
		b, err := json.Marshal(ch.Options.Sampling)
		if err != nil {
			return false, err
		}
		fmt.Fprintf(ch.Terminal, "%s\nthink %s, max-tokens %d, stats %v\n", b, ch.think, ch.Options.MaxTokens, ch.Stats)
		return false, nil
	case value == "":
		return false, fmt.Errorf("/set %s needs a value", name)
	}
	switch name {
	case "stats":
		ch.Stats = value == "on"
	case "max-tokens":
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 {
			return false, fmt.Errorf("max-tokens %q is no number", value)
		}
		ch.Options.MaxTokens = n
	case "think":
		return false, ch.setThinking(value)
	default:
		return false, setSampling(&ch.Options.Sampling, name, value)
	}
	return false, nil
}

func (ch *chat) setThinking(value string) error {
	switch value {
	case "show", "dim", "hide":
		ch.think = value
	case "on", "off":
		if caps, err := ch.Engine.ChatCaps(); err == nil && !caps.Thinking {
			return errors.New("the model's template cannot be asked to think or not to")
		}
		on := value == "on"
		ch.Thinking = &on
	default:
		return fmt.Errorf("think %q: must be show, dim, hide, on or off", value)
	}
	return nil
}

// setSampling sets a field by the name of its flag or its JSON name.
func setSampling(p *kvasir.Sampling, name, value string) error {
	var names []string
	for f := range reflect.TypeFor[kvasir.Sampling]().Fields() {
		flag, key := f.Tag.Get("flag"), f.Tag.Get("json")
		names = append(names, flag)
		if name != flag && name != key {
			continue
		}
		raw := []byte(value)
		if !json.Valid(raw) {
			raw = strconv.AppendQuote(nil, value)
		}
		b, err := json.Marshal(map[string]json.RawMessage{key: raw})
		if err != nil {
			return err
		}
		changed := *p
		if err := json.Unmarshal(b, &changed); err != nil {
			return fmt.Errorf("%s %s: %w", name, value, err)
		}
		if err := changed.Validate(); err != nil {
			return err
		}
		*p = changed
		return nil
	}
	return fmt.Errorf("there is no setting %q; there are %s, think, max-tokens, stats", name, strings.Join(names, ", "))
}
