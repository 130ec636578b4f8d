package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"kvasir/internal/loadgen"
)

// loadCommand measures a running server.
func (a *app) loadCommand() *cobra.Command {
	c := loadgen.Config{}
	var asJSON bool
	var concurrency []int
	cmd := &cobra.Command{
		Use:   "load URL",
		Short: "Put load on a server with OpenAI's API and measure what its clients see",
		Long: `Put load on a server with OpenAI's API and measure what its clients see: time to
the first token, gaps between tokens and tokens per second. URL is that of the
API, such as http://127.0.0.1:8080/v1. It works with any server.`,
		Example: `  infer load http://127.0.0.1:8080/v1 --concurrency 1,8,32 --output 128
  infer load http://127.0.0.1:8080/v1 --concurrency 8 --duration 20s --long 3000 --every 3s`,
		Args: exactArgs(1, "one URL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c.URL = args[0]
			for _, n := range concurrency {
				if n < 1 {
					return usagef("--concurrency %d: must be at least 1", n)
				}
				c.Concurrency = n
				run := c
				if run.Duration == 0 && run.Requests == 0 {
					run.Requests = n
				}
				r, err := loadgen.Run(cmd.Context(), run)
				if err != nil {
					return err
				}
				if err := a.printLoad(n, r, asJSON); err != nil {
					return err
				}
			}
			return nil
		},
	}
	fl := cmd.Flags()
	fl.IntSliceVar(&concurrency, "concurrency", []int{1, 32}, "requests at a time; several are measured one after the other")
	fl.IntVar(&c.Requests, "requests", 0, "requests in all; 0 = one for each at a time, or as many as --duration allows")
	fl.DurationVar(&c.Duration, "duration", 0, "stop after this time; 0 = when the requests are done")
	fl.IntVar(&c.Prompt, "prompt", 16, "words of a prompt")
	fl.IntVar(&c.Output, "output", 128, "tokens of an answer")
	fl.IntVar(&c.Long, "long", 0, "also send prompts of so many words beside the others")
	fl.DurationVar(&c.Every, "every", 3*time.Second, "pause before each long prompt")
	fl.StringVar(&c.Model, "model", "", "model to ask for")
	fl.StringVar(&c.Key, "key", "none", "key to send")
	fl.Uint64Var(&c.Seed, "seed", 1, "seed of the prompts")
	fl.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a *app) printLoad(n int, r *loadgen.Result, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(a.out).Encode(r)
	}
	ms := func(p loadgen.Percentiles) string {
		return fmt.Sprintf("p50 %.1f p95 %.1f p99 %.1f ms", 1e3*p.P50, 1e3*p.P95, 1e3*p.P99)
	}
	_, err := fmt.Fprintf(a.out, "%4d at a time: %d requests, %d tokens in %.1f s = %.1f tokens/s; first token %s; gap %s; status %v\n",
		n, r.Requests, r.Tokens, r.Seconds, r.TokensPerSecond, ms(r.TTFT), ms(r.Gap), r.Status)
	if err == nil && r.LongTTFT.N > 0 {
		_, err = fmt.Fprintf(a.out, "      %d long prompts: first token %s\n", r.LongTTFT.N, ms(r.LongTTFT))
	}
	return err
}
