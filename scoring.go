package kvasir

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"kvasir/internal/chunk"
	"kvasir/sampler"
)

// Perplexity returns exp of the mean negative log-probability of the scored tokens,
// that is all but the first, and how many those are; NaN when there are none.
func Perplexity(scores []PromptScore) (ppl float64, n int) {
	n = max(0, len(scores)-1)
	if n == 0 {
		return math.NaN(), 0
	}
	sum := 0.0
	for _, s := range scores[1:] {
		sum -= s.Logprob
	}
	return math.Exp(sum / float64(n)), n
}

// OptionScore says how likely a text is behind a prompt.
type OptionScore struct {
	Text    string
	Tokens  int
	Logprob float64 // of all its tokens together
	// Share is its probability among the options: exp(Logprob) over their sum.
	Share float64
}

// Compare scores texts as continuations of a prompt, which is computed once. The
// margin between two of them is the difference of their shares.
func (e *Engine) Compare(ctx context.Context, p Prompt, options []string) ([]OptionScore, error) {
	if len(options) == 0 {
		return nil, errors.New("no options to compare")
	}
	s, err := e.NewSession()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if err := s.Prefill(ctx, p); err != nil {
		return nil, err
	}
	at := s.Len()
	out, best := make([]OptionScore, len(options)), math.Inf(-1)
	for i, text := range options {
		if out[i], err = s.option(ctx, text); err != nil {
			return nil, fmt.Errorf("option %q: %w", text, err)
		}
		best = max(best, out[i].Logprob)
		if err := s.Truncate(at); err != nil {
			return nil, err
		}
	}
	sum := 0.0
	for i := range out {
		sum += math.Exp(out[i].Logprob - best)
	}
	for i := range out {
		out[i].Share = math.Exp(out[i].Logprob-best) / sum
	}
	return out, nil
}

// option appends a text to the session and scores it.
func (s *Session) option(ctx context.Context, text string) (OptionScore, error) {
	o := OptionScore{Text: text}
	toks, err := s.eng.encode(Prompt{Text: text, NoSpecial: true}, false)
	if err != nil {
		return o, err
	}
	if o.Tokens = len(toks); o.Tokens == 0 {
		return o, errors.New("it has no tokens")
	}
	var l sampler.Logprobs
	score := func(id int32, logits []float32) error {
		if err := l.Load(logits); err != nil {
			return err
		}
		x, err := l.Of(id)
		o.Logprob += x
		return err
	}
	if err := s.NextLogits(ctx, nil, func(x []float32) error { return score(toks[0], x) }); err != nil {
		return o, err
	}
	if len(toks) == 1 {
		return o, nil
	}
	first := s.Len()
	return o, s.Logits(ctx, toks[:len(toks)-1], func(pos int, x []float32) error { return score(toks[pos-first+1], x) })
}

// ChunkOptions configure Chunk.
type ChunkOptions struct {
	// Mode is "perplexity" (the default: a passage ends where a sentence is easier to
	// foresee than its neighbours) or "margin" (the model is asked, sentence by
	// sentence, whether to go on).
	Mode string
	// Threshold of the perplexity mode: how much lower than a neighbour, in nats.
	Threshold float64
	// Words joins neighbouring passages up to this many words; 0 does not.
	Words int
}

// Passage is a part of a document, in bytes.
type Passage struct {
	From, To int
	Text     string
}

// Chunk cuts a document into passages at sentence borders by Meta-Chunking; together
// they are the document. In perplexity mode a document longer than the context is
// scored in windows that overlap by half.
func (e *Engine) Chunk(ctx context.Context, text string, o ChunkOptions) ([]Passage, error) {
	sentences := chunk.Sentences(text)
	var cuts []int
	var err error
	switch o.Mode {
	case "", "perplexity":
		var mean []float64
		if mean, err = e.sentenceScores(ctx, sentences); err == nil {
			cuts = chunk.ByPerplexity(mean, o.Threshold)
		}
	case "margin":
		cuts, err = e.marginCuts(ctx, sentences)
	default:
		err = fmt.Errorf("mode %q: must be perplexity or margin", o.Mode)
	}
	if err != nil {
		return nil, err
	}
	words := make([]int, len(sentences))
	for i, s := range sentences {
		words[i] = len(strings.Fields(s))
	}
	var out []Passage
	from, at := 0, 0
	cuts = append(chunk.Merge(words, cuts, o.Words), len(sentences)-1)
	for i, s := range sentences {
		if at += len(s); i == cuts[0] {
			out = append(out, Passage{from, at, text[from:at]})
			from, cuts = at, cuts[1:]
		}
	}
	return out, nil
}

// sentenceScores returns the mean negative log-probability of each sentence's tokens.
func (e *Engine) sentenceScores(ctx context.Context, sentences []string) ([]float64, error) {
	var toks []int32
	var of []int // sentence of each token
	for i, s := range sentences {
		t, err := e.encode(Prompt{Text: s, NoSpecial: true}, false)
		if err != nil {
			return nil, err
		}
		toks = append(toks, t...)
		for range t {
			of = append(of, i)
		}
	}
	sum, n := make([]float64, len(sentences)), make([]int, len(sentences))
	for done := 1; done < len(toks); {
		from := max(0, done-e.opts.Context/2)
		to := min(len(toks), from+e.opts.Context)
		scores, err := e.Score(ctx, toks[from:to], 0)
		if err != nil {
			return nil, err
		}
		for i := done; i < to; i++ {
			sum[of[i]] -= scores[i-from].Logprob
			n[of[i]]++
		}
		done = to
	}
	for i := range sum {
		sum[i] /= float64(n[i]) // NaN without tokens
	}
	return sum, nil
}

// marginCuts asks for each sentence whether it goes on with the passage before it.
func (e *Engine) marginCuts(ctx context.Context, sentences []string) ([]int, error) {
	var cuts []int
	var m chunk.Margins
	current := ""
	for i, s := range sentences {
		if i == 0 {
			current = s
			continue
		}
		question := "Two parts of a text follow. Answer 1 if the second begins a new topic and the parts should be split, " +
			"2 if they belong together.\n\nFirst part:\n" + strings.TrimSpace(current) + "\n\nSecond part:\n" + strings.TrimSpace(s) + "\n\nAnswer (1 or 2):"
		p, err := e.ChatPrompt(ChatRequest{Messages: []Message{{Role: "user", Content: question}}})
		if errors.Is(err, ErrNoTemplate) {
			p, err = Text(question+" "), nil
		}
		if err != nil {
			return nil, err
		}
		pair, err := e.Compare(ctx, p, []string{"1", "2"})
		if err != nil {
			return nil, fmt.Errorf("sentence %d: %w", i, err)
		}
		if m.Join(math.Exp(pair[1].Logprob) - math.Exp(pair[0].Logprob)) {
			current += s
			continue
		}
		cuts = append(cuts, i-1)
		current = s
	}
	return cuts, nil
}
