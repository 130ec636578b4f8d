// Command speculate measures what speculative decoding gains: the same prompts with
// and without it, alternating, on one model. See bench/README.md.
//
//	go run ./bench/speculate -m MODEL.gguf -draft lookup
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"kvasir"
)

type settings struct {
	model, only string
	spec        kvasir.SpeculationOptions
	tokens      int
	reps        int
	temp        float64
	threads     int
	show        bool
}

func main() {
	var c settings
	flag.StringVar(&c.model, "m", "", "model file")
	flag.StringVar(&c.spec.Draft, "draft", "lookup", "source of drafts, as infer run --draft")
	flag.StringVar(&c.spec.Verify, "verify", "match", "verification, as infer run --verify")
	flag.IntVar(&c.spec.Most, "draft-max", 0, "longest draft; 0 = the default")
	flag.BoolVar(&c.spec.Always, "draft-always", false, "draft whether it pays or not")
	flag.IntVar(&c.tokens, "n", 128, "most tokens of a generation")
	flag.IntVar(&c.reps, "reps", 3, "pairs of runs for each prompt")
	flag.Float64Var(&c.temp, "temp", 0, "temperature")
	flag.IntVar(&c.threads, "t", 0, "threads; 0 = all")
	flag.BoolVar(&c.show, "show", false, "print the texts")
	flag.StringVar(&c.only, "kind", "", "only prompts of this kind: quote, edit, json or free")
	flag.Parse()
	if err := run(&c); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(c *settings) error {
	eng, err := kvasir.Open(c.model, kvasir.Options{Context: 2048, Threads: c.threads})
	if err != nil {
		return err
	}
	defer eng.Close()
	cost, err := passCost(eng)
	if err != nil {
		return err
	}
	fmt.Printf("%s, %s, %d threads, %s by %s, T = %g, at most %d tokens\n\n", eng.Info().Name, eng.Info().Level, eng.Info().Threads,
		c.spec.Draft, c.spec.Verify, c.temp, c.tokens)
	fmt.Print("v(n), the time of a pass of n rows as a multiple of one row's:")
	for _, n := range rowCounts {
		fmt.Printf(" %d: %.2f", n, cost[n])
	}
	fmt.Println()
	fmt.Println("\n| prompt | tokens | plain tok/s | drafts tok/s | ratio | by CPU time | by v(n) | tokens/pass | accepted of drafted |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|")
	sums := map[string]*[3][]float64{"quote": {}, "edit": {}, "json": {}, "free": {}}
	for _, p := range prompts {
		if c.only != "" && p.kind != c.only {
			continue
		}
		r, err := compare(eng, c, p)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		x := expected(r.stats, cost)
		fmt.Printf("| %s: %s | %d | %.1f | %.1f | %.2f | %.2f | %.2f | %.2f | %d of %d |\n", p.kind, p.name, r.tokens, r.plain, r.fast, r.ratio,
			r.cpu, x, r.perPass, r.stats.Accepted, r.stats.Drafted)
		for i, v := range []float64{r.ratio, r.cpu, x} {
			sums[p.kind][i] = append(sums[p.kind][i], v)
		}
	}
	fmt.Println()
	for _, k := range []string{"quote", "edit", "json", "free"} {
		if x := sums[k]; len(x[0]) > 0 {
			fmt.Printf("%s: geometric mean %.2f, least %.2f; by CPU time %.2f, %.2f; by v(n) %.2f, %.2f\n", k,
				mean(x[0]), slices.Min(x[0]), mean(x[1]), slices.Min(x[1]), mean(x[2]), slices.Min(x[2]))
		}
	}
	return nil
}

// mean is the geometric mean.
func mean(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += math.Log(v)
	}
	return math.Exp(sum / float64(len(x)))
}

// result compares the two ways for one prompt.
type result struct {
	tokens      int
	plain, fast float64 // tokens per second, the median
	ratio, cpu  float64 // by the clock and by processor time: medians of the pairs
	perPass     float64
	stats       kvasir.SpeculationStats
}

// compare runs pairs, each of the two first in turn. Every run learns anew.
func compare(eng *kvasir.Engine, c *settings, p prompt) (*result, error) {
	r := &result{}
	var plain, fast, ratios, cpu []float64
	for i := range c.reps {
		var rate, load [2]float64
		var text [2]string
		for j := range 2 {
			with := i%2 == j
			k := 0
			if with {
				k = 1
			}
			var err error
			if rate[k], load[k], text[k], err = r.generate(eng, c, p, with); err != nil {
				return nil, err
			}
		}
		if c.spec.Verify == "match" && text[0] != text[1] {
			return nil, errors.New("the texts differ")
		}
		if c.show && i == 0 {
			fmt.Printf("--- %s: %s\n%s\n---\n", p.kind, p.name, text[0])
		}
		plain, fast, ratios = append(plain, rate[0]), append(fast, rate[1]), append(ratios, rate[1]/rate[0])
		cpu = append(cpu, load[0]/load[1])
	}
	r.plain, r.fast, r.ratio, r.cpu = median(plain), median(fast), median(ratios), median(cpu)
	return r, nil
}

func median(x []float64) float64 {
	slices.Sort(x)
	return (x[(len(x)-1)/2] + x[len(x)/2]) / 2
}

// generate returns tokens per second behind the first token, the processor time of
// these, and the text.
func (r *result) generate(eng *kvasir.Engine, c *settings, p prompt, with bool) (rate, cpu float64, text string, err error) {
	o := kvasir.GenerateOptions{MaxTokens: c.tokens, Sampling: kvasir.DefaultSampling()}
	o.Sampling.Temperature, o.Sampling.Seed = c.temp, kvasir.FixedSeed(1)
	if with {
		spec, err := eng.NewSpeculation(c.spec)
		if err != nil {
			return 0, 0, "", err
		}
		defer spec.Close()
		o.Speculation = spec
		defer func() {
			r.stats = spec.Stats()
			r.perPass = float64(r.stats.Tokens) / float64(r.stats.Passes)
		}()
	}
	in := kvasir.Text(p.text)
	if !p.raw {
		in, err = eng.ChatPrompt(kvasir.ChatRequest{Messages: []kvasir.Message{{Role: "user", Content: p.text}}})
		if err != nil {
			return 0, 0, "", err
		}
	}
	s, err := eng.NewSession()
	if err != nil {
		return 0, 0, "", err
	}
	defer s.Close()
	var out strings.Builder
	var first, last time.Time
	var before float64
	r.tokens = 0
	for tok, err := range s.Generate(context.Background(), in, o) {
		if err != nil {
			return 0, 0, "", err
		}
		last = time.Now()
		if r.tokens++; r.tokens == 1 {
			first, before = last, cpuSeconds()
		}
		out.WriteString(tok.Text)
	}
	return float64(r.tokens-1) / last.Sub(first).Seconds(), cpuSeconds() - before, out.String(), nil
}

// rowCounts are the sizes of passes that are timed.
var rowCounts = []int{1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 17}

// now is a clock in seconds: the processor's with one thread, where other programs do
// not count, else the wall's.
func now(eng *kvasir.Engine) float64 {
	if t := cpuSeconds(); t > 0 && eng.Info().Threads == 1 {
		return t
	}
	return float64(time.Now().UnixNano()) / 1e9
}

// passCost measures v(n), the time of a pass of n rows at a context of 300: the best
// of many, each size in turn, and between the sizes a straight line.
func passCost(eng *kvasir.Engine) ([]float64, error) {
	s, err := eng.NewSession()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	ids := make([]int32, 320)
	for i := range ids {
		ids[i] = int32((1000 + 37*i) % min(6000, eng.Info().Vocabulary))
	}
	ctx := context.Background()
	if err := s.Prefill(ctx, kvasir.Prompt{Tokens: ids[:300]}); err != nil {
		return nil, err
	}
	v := make([]float64, 18)
	for range 30 {
		for _, n := range rowCounts {
			t := now(eng)
			if err := s.Logits(ctx, ids[300:300+n], func(int, []float32) error { return nil }); err != nil {
				return nil, err
			}
			if d := now(eng) - t; v[n] == 0 || d < v[n] {
				v[n] = d
			}
			if err := s.Truncate(300); err != nil {
				return nil, err
			}
		}
	}
	one := v[1]
	for i, n := range rowCounts {
		v[n] /= one
		if i > 0 {
			m := rowCounts[i-1]
			for k := m + 1; k < n; k++ {
				v[k] = v[m] + (v[n]-v[m])*float64(k-m)/float64(n-m)
			}
		}
	}
	return v, nil
}

// expected is the gain that the passes of a generation amount to by their costs: what
// the machine would show if nothing else ran on it.
func expected(s kvasir.SpeculationStats, cost []float64) float64 {
	time := 0.0
	for n, passes := range s.PassRows {
		time += float64(passes) * cost[min(n, len(cost)-1)]
	}
	return float64(s.Tokens) / time
}
