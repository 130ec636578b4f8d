package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"kvasir"
	"kvasir/sampler"
)

// samplers are compared with the values that their authors recommend. Temperature
// comes first, so that each of them has to cope with the flattened distribution.
var samplers = []struct {
	name   string
	params func(t float64) kvasir.Sampling
}{
	{"top-h 0.4", func(t float64) kvasir.Sampling { return alone(t, "top_h", func(p *kvasir.Sampling) { p.TopH = 0.4 }) }},
	{"min-p 0.1", func(t float64) kvasir.Sampling { return alone(t, "min_p", func(p *kvasir.Sampling) { p.MinP = 0.1 }) }},
	{"top-p 0.9", func(t float64) kvasir.Sampling { return alone(t, "top_p", func(p *kvasir.Sampling) { p.TopP = 0.9 }) }},
}

// alone is temperature and one truncation.
func alone(t float64, stage string, set func(p *kvasir.Sampling)) kvasir.Sampling {
	p := kvasir.DefaultSampling()
	p.Preset, p.Temperature, p.TopK, p.TopP, p.MinP = "custom", t, 0, 1, 0
	p.Samplers = []string{"temperature", stage}
	set(&p)
	return p
}

// openings are what texts go on from.
var openings = []string{
	"The old map showed a path through the mountains that nobody in the village had ever walked.",
	"On the first day of spring, the baker found a letter under the door of his shop.",
	"There are three reasons why people have always been afraid of the dark.",
	"The storm had passed, and the island looked like another place.",
	"Scientists were surprised when the results of the experiment arrived.",
	"My grandmother used to say that a house remembers everyone who lived in it.",
	"To make a good soup, you need patience more than anything else.",
	"The train stopped between two stations, and all the lights went out.",
}

// texts samples the openings and fills in what they show.
func texts(ctx context.Context, eng *kvasir.Engine, c *settings, p kvasir.Sampling, r *row) error {
	var jobs []*kvasir.Job
	for i, text := range openings {
		p.Seed = kvasir.FixedSeed(c.seed<<20 + uint64(i))
		p.IgnoreEOS = true
		j, err := eng.Submit(ctx, kvasir.Request{Prompt: kvasir.Text(text), N: c.samples,
			GenerateOptions: kvasir.GenerateOptions{MaxTokens: c.tokens, Sampling: p, TopLogprobs: 1}})
		if err != nil {
			return err
		}
		jobs = append(jobs, j)
	}
	var all []string
	nll := 0.0
	for _, j := range jobs {
		out := make([]strings.Builder, c.samples)
		for o, err := range j.Outputs(ctx) {
			if err != nil {
				return err
			}
			out[o.Index].WriteString(o.Token.Text)
			nll -= o.Token.Logprob
			r.Tokens++
		}
		for i := range out {
			all = append(all, out[i].String())
		}
	}
	r.PPL = math.Exp(nll / float64(r.Tokens))
	r.Distinct1, r.Distinct2, r.Distinct3 = distinct(all, 1), distinct(all, 2), distinct(all, 3)
	r.Repeated = repeated(all, 4)
	return nil
}

// grams calls f with every n-gram of words of a text.
func grams(text string, n int, f func(gram string)) {
	w := strings.Fields(strings.ToLower(text))
	for i := 0; i+n <= len(w); i++ {
		f(strings.Join(w[i:i+n], " "))
	}
}

// distinct is the share of different n-grams among those of all texts (Li et al.
// 2016).
func distinct(texts []string, n int) float64 {
	seen, total := map[string]bool{}, 0
	for _, t := range texts {
		grams(t, n, func(g string) { seen[g] = true; total++ })
	}
	return float64(len(seen)) / float64(max(total, 1))
}

// repeated is the share of n-grams that occurred before in the same text.
func repeated(texts []string, n int) float64 {
	again, total := 0, 0
	for _, t := range texts {
		seen := map[string]bool{}
		grams(t, n, func(g string) {
			if seen[g] {
				again++
			}
			seen[g] = true
			total++
		})
	}
	return float64(again) / float64(max(total, 1))
}

// question is a task with one right answer.
type question struct{ prompt, answer string }

// sums are additions of two numbers below 50, behind four examples.
func sums(seed uint64, n int) (out []question) {
	r := rand.New(rand.NewPCG(seed, 1))
	for range n {
		a, b := 1+r.IntN(49), 1+r.IntN(49)
		out = append(out, question{fmt.Sprintf("3 + 4 = 7\n12 + 5 = 17\n20 + 31 = 51\n8 + 9 = 17\n%d + %d =", a, b), fmt.Sprint(a + b)})
	}
	return out
}

// copies are lists of three words to be repeated, behind two examples.
func copies(seed uint64, n int) (out []question) {
	words := strings.Fields("river stone apple window garden paper silver horse candle bridge winter music ladder cloud pepper forest engine button")
	r := rand.New(rand.NewPCG(seed, 2))
	for range n {
		p := r.Perm(len(words))
		list := strings.Join([]string{words[p[0]], words[p[1]], words[p[2]]}, " ")
		out = append(out, question{"Repeat: lemon table night\nAnswer: lemon table night\n\nRepeat: glass road tree\nAnswer: glass road tree\n\nRepeat: " + list + "\nAnswer:", list})
	}
	return out
}

// share is the share of questions that are answered right: the first line of the
// answer is judged.
func share(eng *kvasir.Engine, c *settings, p kvasir.Sampling, qs []question) (float64, error) {
	ctx, right := context.Background(), 0
	jobs := make([]*kvasir.Job, len(qs))
	for i, q := range qs {
		p.Seed = kvasir.FixedSeed(c.seed<<20 + uint64(i))
		var err error
		jobs[i], err = eng.Submit(ctx, kvasir.Request{Prompt: kvasir.Text(q.prompt),
			GenerateOptions: kvasir.GenerateOptions{MaxTokens: 10, Sampling: p, Stop: []string{"\n"}}})
		if err != nil {
			return 0, err
		}
	}
	for i, j := range jobs {
		var out strings.Builder
		for o, err := range j.Outputs(ctx) {
			if err != nil {
				return 0, err
			}
			out.WriteString(o.Token.Text)
		}
		if strings.TrimSpace(out.String()) == qs[i].answer {
			right++
		}
	}
	return float64(right) / float64(len(qs)), nil
}

// decodePass returns the time of a pass of one row at a context of 200, the best of
// many, and the logits of some positions.
func decodePass(eng *kvasir.Engine) (seconds float64, rows [][]float32, err error) {
	s, err := eng.NewSession()
	if err != nil {
		return 0, nil, err
	}
	defer s.Close()
	ctx := context.Background()
	ids := eng.Tokenizer().Encode(strings.Repeat(strings.Join(openings, " ")+" ", 3), kvasir.EncodeOptions{})
	if err := s.Prefill(ctx, kvasir.Prompt{Tokens: ids[:200]}); err != nil {
		return 0, nil, err
	}
	for i := range 40 {
		t := time.Now()
		var took float64
		err := s.NextLogits(ctx, ids[200+i:201+i], func(l []float32) error {
			took = time.Since(t).Seconds()
			rows = append(rows, append([]float32(nil), l...))
			return nil
		})
		if err != nil {
			return 0, nil, err
		}
		if seconds == 0 || took < seconds {
			seconds = took
		}
	}
	return seconds, rows, nil
}

// drawTime is the time that a chain takes for a token, the mean over rows of the best
// of several.
func drawTime(p kvasir.Sampling, rows [][]float32) (float64, error) {
	p.Seed = kvasir.FixedSeed(1)
	chain, err := sampler.NewChain(p, sampler.Vocab{Size: len(rows[0])})
	if err != nil {
		return 0, err
	}
	sum := 0.0
	for i, l := range rows {
		best := 0.0
		for range 5 {
			t := time.Now()
			if _, err := chain.Next(l, uint32(i), nil); err != nil {
				return 0, err
			}
			if d := time.Since(t).Seconds(); best == 0 || d < best {
				best = d
			}
		}
		sum += best
	}
	return sum / float64(len(rows)), nil
}
