package server

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"kvasir"
)

// generation is a job and what the API says about it.
type generation struct {
	s       *Server
	x       *requestInfo
	m       *served
	eng     *kvasir.Engine
	job     *kvasir.Job
	chat    *kvasir.ChatRequest // nil: plain text
	prompt  kvasir.Prompt
	choices []*choice
	ids     []int32   // generated, in order
	kv      string    // cache policy
	last    time.Time // of the last token of any choice
}

// choice gathers one continuation.
type choice struct {
	index     int
	split     *kvasir.Splitter // nil: plain text
	content   strings.Builder
	reasoning strings.Builder
	calls     []kvasir.ToolCall
	logprobs  []logprob
	tokens    []kvasir.Token // kept for completions
	thinking  int            // tokens
	count     int
	finish    string // "" while it goes on
}

// start checks the length of a prompt against the context and the asked-for
// answer, and submits the job.
func (s *Server) start(r *http.Request, m *served, req kvasir.Request) (*generation, error) {
	x := infoOf(r)
	eng := m.eng
	if req.Prompt.Tokens == nil {
		toks, err := eng.Tokenize(req.Prompt)
		if err != nil {
			return nil, err
		}
		req.Prompt = kvasir.Prompt{Tokens: toks}
	}
	n, limit := len(req.Prompt.Tokens), eng.Info().Context
	if most := s.cfg.MaxOutput; most > 0 && !req.ScoreOnly {
		if req.MaxTokens > most {
			return nil, invalidValue("max_tokens", "max_tokens is %d, this server allows %d", req.MaxTokens, most)
		}
		if req.MaxTokens == 0 {
			req.MaxTokens = min(most, max(1, limit-n))
		}
	}
	if n+max(req.MaxTokens, 1) > limit && !req.ScoreOnly {
		return nil, badRequest("context_length_exceeded", "messages",
			"the prompt has %d tokens and max_tokens is %d, together %d; the context holds %d", n, req.MaxTokens, n+req.MaxTokens, limit)
	}
	req.Session.Scope = s.scope(x.keyName(), req.Session.Scope)
	if x.key != nil {
		req.Key, req.Class = x.key.Name, x.key.Class
		if x.key.Weight != 1 {
			if err := eng.SetKeyWeight(x.key.Name, x.key.Weight); err != nil {
				return nil, err
			}
		}
	}
	job, err := eng.Submit(r.Context(), req)
	if err != nil {
		return nil, refused(err, req.Session.KV != "")
	}
	x.model, x.prompt = m.name, n
	g := &generation{s: s, x: x, m: m, eng: eng, job: job, kv: req.Session.KV}
	if g.kv == "" {
		g.kv = s.cfg.Options.KV
	}
	for i := range max(1, req.N) {
		g.choices = append(g.choices, &choice{index: i})
	}
	return g, nil
}

// scope names whose computed prompts a request may meet: those of its key
// alone. A client's salt narrows it further; nobody can guess the scope of
// another key, because it depends on a secret of the process.
func (s *Server) scope(key, salt string) string {
	h := hmac.New(sha256.New, s.secret[:])
	h.Write([]byte(key)) // never fails
	h.Write([]byte{0})
	h.Write([]byte(salt))
	return string(h.Sum(nil))
}

// refused is an error of Submit: what has no class of its own is about the
// request.
func refused(err error, kv bool) error {
	err = paramError(err)
	if asAPIError(err).code != "internal" {
		return err
	}
	if kv {
		return invalidValue("kv", "kv: %s", err.Error())
	}
	return invalidValue("", "%s", err.Error())
}

// split makes the choices tell thinking, text and calls apart.
func (g *generation) split(c *kvasir.ChatRequest, p kvasir.Prompt) {
	g.chat, g.prompt = c, p
	for _, ch := range g.choices {
		ch.split = g.eng.NewSplitter(*c, p)
	}
}

// next waits for a token and notes its times.
func (g *generation) next(ctx context.Context) (*choice, kvasir.Token, error) {
	o, err := g.job.Next(ctx)
	if err != nil {
		return nil, kvasir.Token{}, err
	}
	now := time.Now()
	if g.x.ttft == 0 {
		g.x.ttft = now.Sub(g.x.began)
		g.s.metrics.ttft.WithLabelValues(g.m.name).Observe(g.x.ttft.Seconds())
		g.s.metrics.queue.WithLabelValues(g.m.name).Observe(g.job.Usage().Queue.Seconds())
	} else {
		g.s.metrics.gap.WithLabelValues(g.m.name).Observe(now.Sub(g.last).Seconds())
	}
	g.last = now
	g.x.output++
	c := g.choices[o.Index]
	c.count++
	g.ids = append(g.ids, o.Token.ID)
	return c, o.Token, nil
}

// all runs the job to its end.
func (g *generation) all(ctx context.Context) error {
	for {
		c, tok, err := g.next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		c.add(tok)
	}
}

// add takes a token and returns what it adds.
func (c *choice) add(tok kvasir.Token) []kvasir.Delta {
	var out []kvasir.Delta
	switch {
	case c.split == nil && tok.Text != "":
		out = []kvasir.Delta{{Content: tok.Text}}
	case c.split != nil:
		out = c.split.Push(tok.Text)
		if tok.Finish != "" {
			out = append(append([]kvasir.Delta(nil), out...), c.split.Flush()...)
		}
	}
	for i := range out {
		c.take(&out[i])
	}
	if len(out) > 0 && out[len(out)-1].Reasoning != "" {
		c.thinking++
	}
	if tok.Finish != "" {
		c.finish = c.reason(tok.Finish)
	}
	return out
}

func (c *choice) take(d *kvasir.Delta) {
	c.content.WriteString(d.Content)
	c.reasoning.WriteString(d.Reasoning)
	if d.Call == nil {
		return
	}
	if d.Call.Index == len(c.calls) {
		c.calls = append(c.calls, kvasir.ToolCall{ID: "call_" + newID()[:24], Name: d.Call.Name})
	}
	c.calls[d.Call.Index].Arguments += d.Call.Arguments
}

// reason is OpenAI's word for the end of a choice.
func (c *choice) reason(f kvasir.Finish) string {
	switch {
	case f != kvasir.FinishStop:
		return "length"
	case len(c.calls) > 0:
		return "tool_calls"
	}
	return "stop"
}

// logprob is the score of a token in chat answers.
type logprob struct {
	Token   string       `json:"token"`
	Logprob float64      `json:"logprob"`
	Bytes   []int        `json:"bytes"`
	Top     []topLogprob `json:"top_logprobs"`
}

type topLogprob struct {
	Token   string  `json:"token"`
	Logprob float64 `json:"logprob"`
	Bytes   []int   `json:"bytes"`
}

// scored is the score of tok with its n best alternatives.
func (g *generation) scored(tok kvasir.Token, n int) logprob {
	t := g.eng.Tokenizer()
	l := logprob{Logprob: tok.Logprob, Top: []topLogprob{}}
	l.Token, l.Bytes = pieceText(t.Piece(tok.ID))
	for _, o := range tok.Top[:min(n, len(tok.Top))] {
		x := topLogprob{Logprob: o.Logprob}
		x.Token, x.Bytes = pieceText(t.Piece(o.ID))
		l.Top = append(l.Top, x)
	}
	return l
}

func pieceText(piece string) (string, []int) {
	b := make([]int, len(piece))
	for i := range len(piece) {
		b[i] = int(piece[i])
	}
	return strings.ToValidUTF8(piece, "\ufffd"), b
}

// usageBody is OpenAI's usage object with what else a job took.
type usageBody struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
	TotalTokens      int `json:"total_tokens"`
	PromptDetails    struct {
		Cached int `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
	CompletionDetails struct {
		Reasoning int `json:"reasoning_tokens"`
	} `json:"completion_tokens_details"`
	KV struct {
		Policy     string `json:"policy"`
		Type       string `json:"type"`
		Bytes      int64  `json:"bytes"`
		DenseBytes int64  `json:"dense_bytes"`
	} `json:"kv"`
	Attention struct {
		Name string `json:"name"`
	} `json:"attention"`
	Timing struct {
		Queue   float64 `json:"queue_ms"`
		Prefill float64 `json:"prefill_ms"`
		Decode  float64 `json:"decode_ms"`
		TTFT    float64 `json:"ttft_ms"`
	} `json:"timing"`
	Seed json.Number `json:"seed,omitempty"`
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// usage describes the job so far.
func (g *generation) usage() *usageBody {
	u := g.job.Usage()
	b := &usageBody{PromptTokens: u.PromptTokens, CompletionTokens: u.OutputTokens, TotalTokens: u.PromptTokens + u.OutputTokens}
	b.PromptDetails.Cached = u.CachedTokens
	for _, c := range g.choices {
		b.CompletionDetails.Reasoning += c.thinking
	}
	b.KV.Policy = orDense(g.kv)
	b.KV.Type, b.KV.Bytes, b.KV.DenseBytes = g.eng.Info().KVType, u.CacheBytes, u.DenseBytes
	b.Attention.Name = orDense(g.s.cfg.Options.Attention)
	b.Timing.Queue, b.Timing.Prefill, b.Timing.Decode = millis(u.Queue), millis(u.Prefill), millis(u.Decode)
	b.Timing.TTFT = millis(g.x.ttft)
	b.Seed = json.Number(formatUint(u.Seed))
	return b
}
