package server

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"kvasir"
)

// Limits of the legacy route.
const (
	maxPrompts      = 128
	maxPromptTokens = 256 << 10
	atOnce          = 16 // prompts of one request that are queued together
)

// textCall is a decoded request for a completion.
type textCall struct {
	model   string
	id      string
	created int64
	prompts [][]int32 // tokens
	listed  []int     // first token of each prompt that answers list: 1 behind an added BOS
	texts   []string  // given as text; "" = as tokens
	special bool
	req     kvasir.Request
	echo    bool
	scores  bool
	top     int
	stream  bool
	usage   bool
}

// textChoice is an answer of the legacy route.
type textChoice struct {
	Text     string        `json:"text"`
	Index    int           `json:"index"`
	Logprobs *textLogprobs `json:"logprobs"`
	Finish   *string       `json:"finish_reason"`
}

type textBody struct {
	ID          string       `json:"id"`
	Object      string       `json:"object"`
	Created     int64        `json:"created"`
	Model       string       `json:"model"`
	Fingerprint string       `json:"system_fingerprint"`
	Choices     []textChoice `json:"choices"`
	Usage       *usageBody   `json:"usage,omitempty"`
}

// completions answers POST /v1/completions.
func (s *Server) completions(w http.ResponseWriter, r *http.Request) error {
	f, err := s.readBody(w, r)
	if err != nil {
		return err
	}
	c := &textCall{id: "cmpl-" + infoOf(r).id, created: time.Now().Unix()}
	m, err := s.decodeText(r, f, c)
	if err != nil {
		return err
	}
	defer m.release()
	if c.stream {
		return s.streamText(w, r, m, c)
	}
	gens, err := s.runPrompts(r, m, c)
	if err != nil {
		return err
	}
	b := c.body(m)
	for i, g := range gens {
		for _, ch := range g.choices {
			b.Choices = append(b.Choices, c.answer(g, i, ch))
		}
		b.Usage = addUsage(b.Usage, g.usage())
	}
	writeJSON(w, http.StatusOK, b)
	return nil
}

func (c *textCall) body(m *served) *textBody {
	return &textBody{ID: c.id, Object: "text_completion", Created: c.created, Model: m.name, Fingerprint: m.fingerprint()}
}

// decodeText reads the fields, loads the model and tokenizes the prompts.
func (s *Server) decodeText(r *http.Request, f *fields, c *textCall) (*served, error) {
	c.model = f.str("model", "", maxNameBytes)
	prompt := f.get("prompt")
	c.req = s.common(f)
	c.echo = f.boolean("echo", false)
	c.req.MaxTokens = f.integer("max_tokens", 16, 0, 1<<24)
	c.special = f.boolean("add_special_tokens", true)
	if f.has("logprobs") {
		c.scores, c.top = true, f.integer("logprobs", 0, 0, maxTop)
		c.req.TopLogprobs = max(1, c.top)
		c.req.Score = c.echo
	} else {
		f.get("logprobs")
	}
	if c.req.MaxTokens == 0 {
		if !c.echo {
			f.d.fail(invalidValue("max_tokens", "max_tokens 0 needs echo: true"))
		}
		c.req.ScoreOnly, c.req.Score = true, true
	}
	c.stream = f.boolean("stream", false)
	if o := f.object("stream_options"); o != nil {
		c.usage = o.boolean("include_usage", false)
		o.ignore("include_obfuscation")
		_ = o.done() // the decoder keeps it
	}
	if n := f.integer("best_of", c.req.N, 1, maxChoices); n != c.req.N {
		f.d.fail(unsupported("best_of", " unless it equals n"))
	}
	f.refuse("", "suffix")
	format(f.object("response_format"), &c.req)
	if err := f.done(); err != nil {
		return nil, err
	}
	m, err := s.host.acquire(r.Context(), c.model)
	if err != nil {
		return nil, err
	}
	if err := c.readPrompts(m, prompt); err != nil {
		m.release()
		return nil, err
	}
	return m, nil
}

// readPrompts reads a string, a list of strings, a list of tokens or a list of
// such lists.
func (c *textCall) readPrompts(m *served, n *node) error {
	switch {
	case n == nil:
		return invalidValue("prompt", "prompt is required")
	case n.kind == stringNode:
		return c.addText(m, n.text)
	case n.kind != listNode || len(n.list) == 0:
		return invalidValue("prompt", "prompt must be a string, a list of strings or tokens, or a list of lists of tokens")
	case n.list[0].kind == numberNode:
		return c.addTokens(m, "prompt", n)
	case len(n.list) > maxPrompts:
		return invalidValue("prompt", "prompt has %d entries, the limit is %d", len(n.list), maxPrompts)
	}
	total := 0
	for i, p := range n.list {
		path := fmt.Sprintf("prompt[%d]", i)
		var err error
		switch p.kind {
		case stringNode:
			err = c.addText(m, p.text)
		case listNode:
			err = c.addTokens(m, path, p)
		default:
			err = invalidValue(path, "%s must be a string or a list of tokens, not %s", path, p.kind)
		}
		if err != nil {
			return err
		}
		if total += len(c.prompts[i]); total > maxPromptTokens {
			return invalidValue("prompt", "the prompts have more than %d tokens", maxPromptTokens)
		}
	}
	return nil
}

func (c *textCall) addText(m *served, text string) error {
	t := m.eng.Tokenizer()
	if t.Size() == 0 {
		return unsupported("prompt", ": the model has no vocabulary that is known here; send tokens")
	}
	plain := t.Encode(text, kvasir.EncodeOptions{ParseSpecial: true})
	toks := plain
	if c.special {
		toks = t.Encode(text, kvasir.EncodeOptions{AddSpecial: true, ParseSpecial: true})
	}
	if len(toks) == 0 {
		return invalidValue("prompt", "the prompt is empty and the model has no token that opens a text")
	}
	listed := 0
	if id, adds := t.BOS(); adds && c.special && toks[0] == id && (len(plain) == 0 || plain[0] != id) {
		listed = 1
	}
	c.prompts, c.listed, c.texts = append(c.prompts, toks), append(c.listed, listed), append(c.texts, text)
	return nil
}

func (c *textCall) addTokens(m *served, path string, n *node) error {
	toks, err := tokenList(m, path, n)
	if err != nil {
		return err
	}
	c.prompts, c.listed, c.texts = append(c.prompts, toks), append(c.listed, 0), append(c.texts, "")
	return nil
}

// tokenList reads token ids.
func tokenList(m *served, path string, n *node) ([]int32, error) {
	if len(n.list) == 0 {
		return nil, invalidValue(path, "%s is empty", path)
	}
	toks := make([]int32, len(n.list))
	size := m.eng.Info().Vocabulary
	for i, v := range n.list {
		id, ok := v.integer()
		if !ok || id < 0 || id >= int64(size) {
			return nil, invalidValue(fmt.Sprintf("%s[%d]", path, i), "%s[%d] is no token: they go from 0 to %d", path, i, size-1)
		}
		toks[i] = int32(id)
	}
	return toks, nil
}

// request is the job of one prompt.
func (c *textCall) request(i int) kvasir.Request {
	r := c.req
	r.Prompt = kvasir.Prompt{Tokens: c.prompts[i]}
	return r
}

// runPrompts runs all prompts, some at a time, to their ends.
func (s *Server) runPrompts(r *http.Request, m *served, c *textCall) ([]*generation, error) {
	gens := make([]*generation, len(c.prompts))
	errs := make([]error, len(c.prompts))
	slots := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	var mu sync.Mutex // of what is counted for the whole request
	total, output := 0, 0
	for i := range c.prompts {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			x := *infoOf(r) // of its own: the prompts run side by side
			g, err := s.start(withInfo(r, &x), m, c.request(i))
			if err == nil {
				defer g.job.Close()
				err = c.collect(r, g)
			}
			gens[i], errs[i] = g, err
			mu.Lock()
			total, output = total+x.prompt, output+x.output
			mu.Unlock()
		})
	}
	wg.Wait()
	x := infoOf(r)
	x.model, x.prompt, x.output = m.name, total, output
	return gens, errors.Join(errs...)
}

// collect runs one prompt to its end.
func (c *textCall) collect(r *http.Request, g *generation) error {
	for {
		ch, tok, err := g.next(r.Context())
		if isEnd(err) {
			return nil
		}
		if err != nil {
			return err
		}
		ch.add(tok)
		if c.scores {
			ch.tokens = append(ch.tokens, tok)
		}
	}
}

// answer is one choice.
func (c *textCall) answer(g *generation, i int, ch *choice) textChoice {
	x := textChoice{Text: ch.content.String(), Index: i*max(1, c.req.N) + ch.index}
	if ch.finish != "" {
		x.Finish = &ch.finish
	} else {
		length := "length"
		x.Finish = &length
	}
	l := &textLogprobs{t: g.eng.Tokenizer(), top: c.top}
	if c.echo {
		l.prompt(g, c.listed[i], c.scores)
		x.Text = l.text() + x.Text
	}
	if c.scores {
		for _, t := range ch.tokens {
			l.token(t)
		}
		l.close()
		x.Logprobs = l
	}
	return x
}

// addUsage sums what the prompts of one request took.
func addUsage(a, b *usageBody) *usageBody {
	if a == nil {
		return b
	}
	a.PromptTokens += b.PromptTokens
	a.CompletionTokens += b.CompletionTokens
	a.TotalTokens += b.TotalTokens
	a.PromptDetails.Cached += b.PromptDetails.Cached
	a.KV.Bytes += b.KV.Bytes
	a.KV.DenseBytes += b.KV.DenseBytes
	a.Timing.Queue = max(a.Timing.Queue, b.Timing.Queue)
	a.Timing.Prefill = max(a.Timing.Prefill, b.Timing.Prefill)
	a.Timing.Decode = max(a.Timing.Decode, b.Timing.Decode)
	return a
}

// streamText streams the prompts one after the other.
func (s *Server) streamText(w http.ResponseWriter, r *http.Request, m *served, c *textCall) error {
	t := s.newStream(w, false)
	var usage *usageBody
	for i := range c.prompts {
		g, err := s.start(r, m, c.request(i))
		if err != nil {
			return t.end(err)
		}
		err = c.streamPrompt(r, t, g, i)
		_ = g.job.Close() // never fails
		if err != nil {
			return t.end(err)
		}
		usage = addUsage(usage, g.usage())
	}
	if c.usage {
		b := c.body(m)
		b.Choices, b.Usage = []textChoice{}, usage
		if err := t.event(b); err != nil {
			return err
		}
	}
	t.done()
	return t.flush()
}

func (c *textCall) streamPrompt(r *http.Request, t *stream, g *generation, i int) error {
	b := c.body(g.m)
	opened := make([]*textLogprobs, len(g.choices))
	emit := func(ch *choice, text string, l *textLogprobs) error {
		x := textChoice{Text: text, Index: i*len(g.choices) + ch.index, Logprobs: l}
		if ch.finish != "" {
			x.Finish = &ch.finish
		}
		b.Choices = append(b.Choices[:0], x)
		return t.event(b)
	}
	err := g.follow(r.Context(), t, func(ch *choice, tok kvasir.Token) error {
		text := tok.Text
		l := opened[ch.index]
		if l == nil {
			l = &textLogprobs{t: g.eng.Tokenizer(), top: c.top}
			opened[ch.index] = l
			if c.echo {
				l.prompt(g, c.listed[i], c.scores)
				text = l.text() + text
			}
		}
		ch.add(tok)
		if !c.scores {
			return emit(ch, text, nil)
		}
		l.token(tok)
		l.close()
		part := l.cut()
		return emit(ch, text, part)
	})
	if err == nil && c.req.ScoreOnly { // nothing was generated
		ch := g.choices[0]
		ch.finish = "length"
		l := &textLogprobs{t: g.eng.Tokenizer(), top: c.top}
		l.prompt(g, c.listed[i], true)
		l.close()
		text := l.text()
		if !c.scores {
			l = nil
		}
		return emit(ch, text, l)
	}
	return err
}
