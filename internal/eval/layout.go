package eval

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"kvasir"
)

// Ways to ask.
const (
	// AskEnd: the question is part of the prompt, so a policy sees it before it
	// drops anything.
	AskEnd = "end"
	// AskBlind: the prompt ends before the question, so the cache is compressed
	// when nobody knows yet what will be asked.
	AskBlind = "blind"
)

// Prompt is ready to run.
type Prompt struct {
	IDs []int32
	// Split is where the prompt ends for the cache; what follows is fed token by
	// token, as in generation. At least one token follows: the answer never comes
	// from logits that were computed before the compression.
	Split   int
	Needle  int // first token of the needle
	Answers []string
	Forced  []int32 // the answer's tokens, where there is one answer
	digits  bool
}

// ErrTooShort says that the context does not hold the task.
var ErrTooShort = errors.New("context too short for the task")

// layout makes prompts of one model.
type layout struct {
	eng  *kvasir.Engine
	chat bool // by the model's chat template
	fill string
	ask  string
}

// newLayout finds out whether the model has a chat template.
func newLayout(eng *kvasir.Engine, fill, ask string) (*layout, error) {
	if ask != AskEnd && ask != AskBlind {
		return nil, fmt.Errorf("%w: ask %q: use end or blind", ErrSetting, ask)
	}
	l := &layout{eng: eng, fill: fill, ask: ask}
	_, err := eng.ChatPrompt(kvasir.ChatRequest{Messages: []kvasir.Message{{Role: "user", Content: "?"}}})
	l.chat = err == nil
	return l, nil
}

// tokens encodes a turn up to the answer.
func (l *layout) tokens(user string) ([]int32, error) {
	if !l.chat {
		return l.eng.Tokenizer().Encode(user, kvasir.EncodeOptions{AddSpecial: true}), nil
	}
	p, err := l.eng.ChatPrompt(kvasir.ChatRequest{Messages: []kvasir.Message{{Role: "user", Content: user}}})
	if err != nil {
		return nil, err
	}
	return l.eng.Encode(p)
}

// plain encodes text without special tokens.
func (l *layout) plain(text string) []int32 {
	return l.eng.Tokenizer().Encode(text, kvasir.EncodeOptions{})
}

// make builds the prompt of a cell.
func (l *layout) make(task string, c Cell) (*Prompt, error) {
	d := newTaskDraws(task, c)
	f, ok := Tasks[task]
	if !ok {
		return nil, fmt.Errorf("%w: task %q: use one of %s", ErrSetting, task, TaskNames())
	}
	m := f(c, d)
	p := &Prompt{Answers: m.answers, digits: m.digits}
	lead := " " // of the answer's prefix
	if l.chat {
		lead = ""
	}
	prefix := l.plain(lead + m.prefix)
	answer := m.answers[0]
	for _, a := range m.answers[1:] {
		answer += ", " + a
	}
	forced := l.plain(" " + answer)
	if len(m.answers) == 1 {
		p.Forced = forced
	}
	room := c.Ctx - len(prefix) - len(forced) - 8
	body, err := l.body(&m, c, d, room)
	if err != nil {
		return nil, err
	}
	if p.IDs, err = l.tokens(m.intro + body + m.question); err != nil {
		return nil, err
	}
	if err := l.place(p, &m, body); err != nil {
		return nil, err
	}
	p.IDs = append(p.IDs, prefix...)
	if l.ask == AskEnd {
		p.Split = len(p.IDs) - 1
	}
	return p, nil
}

// place finds the needle and the question among the tokens: where they begin to
// differ from those of a turn without.
func (l *layout) place(p *Prompt, m *material, body string) error {
	cut, err := l.tokens(m.intro + body)
	if err != nil {
		return err
	}
	p.Split = common(p.IDs, cut)
	if len(m.needles) == 0 {
		return nil
	}
	at := strings.Index(body, m.needles[0])
	if cut, err = l.tokens(m.intro + body[:at]); err != nil {
		return err
	}
	p.Needle = common(p.IDs, cut)
	return nil
}

// common is the length of the longest common prefix.
func common(a, b []int32) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// body fills room tokens, those of intro, question and template included.
func (l *layout) body(m *material, c Cell, d *taskDraws, room int) (string, error) {
	fixed, err := l.tokens(m.intro + m.question)
	if err != nil {
		return "", err
	}
	room -= len(fixed)
	if m.list != nil {
		return l.listBody(m, room)
	}
	needles := 0
	for _, n := range m.needles {
		needles += len(l.plain(n)) + 2
	}
	room -= needles
	if room < 16 {
		return "", fmt.Errorf("%w: %d tokens, the task alone takes %d", ErrTooShort, c.Ctx, c.Ctx-room+16)
	}
	next, err := newFill(l.fill, &draw{seed: c.Seed, doc: d.needle.doc, use: useFill})
	if err != nil {
		return "", err
	}
	var sentences []string
	var ends []int // tokens up to the end of each
	for used := 0; ; {
		s := next()
		k := len(l.plain(s))
		if used+k > room {
			break
		}
		used += k
		sentences, ends = append(sentences, s), append(ends, used)
	}
	if len(ends) == 0 {
		return "", fmt.Errorf("%w: no sentence of the fill has room in %d tokens", ErrTooShort, c.Ctx)
	}
	return weave(sentences, ends, m), nil
}

// weave puts each needle behind the last sentence that ends at or before its depth.
func weave(sentences []string, ends []int, m *material) string {
	total := ends[len(ends)-1]
	behind := make([]string, len(sentences)+1)
	for i, n := range m.needles {
		k, _ := slices.BinarySearch(ends, m.depths[i]*total/100+1)
		behind[k] += n
	}
	out := behind[0]
	for i, s := range sentences {
		out += s + behind[i+1]
	}
	return out
}

// listBody finds the longest list that fits.
func (l *layout) listBody(m *material, room int) (string, error) {
	best, lo, hi := "", 8, max(16, room)
	for lo <= hi {
		mid := (lo + hi) / 2
		s := m.list(mid)
		if len(l.plain(s)) > room {
			hi = mid - 1
			continue
		}
		best, lo = s, mid+1
	}
	if best == "" {
		return "", fmt.Errorf("%w: no list has room in %d tokens", ErrTooShort, room)
	}
	return best, nil
}

// greedy continues a session by its most likely tokens until the line or the room
// ends; last is the token that has not been fed yet.
func (l *layout) greedy(ctx context.Context, s *kvasir.Session, last int32, room int) (string, error) {
	out := ""
	for range room {
		next := int32(0)
		err := s.NextLogits(ctx, []int32{last}, func(logits []float32) error {
			next = int32(argMax(logits))
			return nil
		})
		if err != nil {
			return "", err
		}
		piece := l.eng.Tokenizer().Piece(next)
		if l.eng.Tokenizer().IsEnd(next) || out != "" && piece != "" && piece[0] == '\n' {
			break
		}
		out += piece
		last = next
	}
	return out, nil
}
