// Package loadgen puts load on a server with OpenAI's API and measures what
// clients see: time to the first token, gaps between tokens, throughput. It
// reads streams itself, so that any server is measured by the same code.
package loadgen

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Config says what load to make.
type Config struct {
	URL         string // of the API, with /v1
	Model, Key  string
	Concurrency int // requests at a time
	Requests    int // in all; 0 = as many as Duration allows
	Duration    time.Duration
	Prompt      int // words of a prompt
	Output      int // tokens of an answer
	Seed        uint64
	// Long > 0 sends prompts of so many words one after the other beside the
	// others, Every so often; their gaps are not counted.
	Long  int
	Every time.Duration
}

// Result is what was measured. Times are in seconds.
type Result struct {
	Requests, Tokens int
	Status           map[int]int
	Seconds          float64
	TTFT, Gap        Percentiles
	LongTTFT         Percentiles
	TokensPerSecond  float64
}

// Percentiles of a list of times.
type Percentiles struct {
	N             int
	P50, P95, P99 float64
}

func percentiles(v []float64) Percentiles {
	if len(v) == 0 {
		return Percentiles{}
	}
	slices.Sort(v)
	at := func(p float64) float64 { return v[int(p*float64(len(v)-1))] }
	return Percentiles{len(v), at(.5), at(.95), at(.99)}
}

// run is the state of a measurement.
type run struct {
	c      Config
	client *http.Client

	mu              sync.Mutex
	ttft, gap, long []float64
	tokens, count   int
	status          map[int]int
}

// Run makes the load and returns what clients saw.
func Run(ctx context.Context, c Config) (*Result, error) {
	r := &run{c: c, status: map[int]int{}}
	r.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: c.Concurrency + 4}}
	defer r.client.CloseIdleConnections()
	if c.Duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.Duration)
		defer cancel()
	}
	began := time.Now()
	var wg sync.WaitGroup
	next := make(chan int)
	errs := make(chan error, c.Concurrency+1)
	for range c.Concurrency {
		wg.Go(func() {
			for i := range next {
				if err := r.request(ctx, i, false); err != nil && ctx.Err() == nil {
					errs <- err
					return
				}
			}
		})
	}
	if c.Long > 0 {
		wg.Go(func() { r.longPrompts(ctx) })
	}
	err := feed(ctx, c.Requests, next, errs)
	wg.Wait()
	if len(errs) > 0 && err == nil {
		err = <-errs
	}
	if err != nil {
		return nil, err
	}
	s := time.Since(began).Seconds()
	return &Result{
		Requests: r.count, Tokens: r.tokens, Status: r.status, Seconds: s, TTFT: percentiles(r.ttft), Gap: percentiles(r.gap),
		LongTTFT: percentiles(r.long), TokensPerSecond: float64(r.tokens) / s,
	}, nil
}

// feed numbers the requests; n = 0 means until ctx ends.
func feed(ctx context.Context, n int, next chan<- int, errs <-chan error) error {
	defer close(next)
	for i := 0; n == 0 || i < n; i++ {
		select {
		case next <- i:
		case err := <-errs:
			return err
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

func (r *run) longPrompts(ctx context.Context) {
	for i := 0; ; i++ {
		select {
		case <-time.After(r.c.Every):
		case <-ctx.Done():
			return
		}
		if err := r.request(ctx, i, true); err != nil {
			return // the end of the run; a server that fails shows in the others
		}
	}
}

var words = strings.Fields("river stone light window garden summer letter bridge forest silver morning answer paper winter music silent")

// prompt is a text of n words that no other request begins with.
func (r *run) prompt(i, n int) string {
	rng := rand.New(rand.NewPCG(r.c.Seed, uint64(i)+uint64(n)<<32))
	b := strings.Builder{}
	fmt.Fprintf(&b, "%d.", rng.IntN(1<<20))
	for range n {
		b.WriteByte(' ')
		b.WriteString(words[rng.IntN(len(words))])
	}
	return b.String()
}

// request makes one request and reads its stream.
func (r *run) request(ctx context.Context, i int, long bool) error {
	n, out := r.c.Prompt, r.c.Output
	if long {
		n, out = r.c.Long, 1
	}
	body, err := json.Marshal(map[string]any{
		"model": r.c.Model, "prompt": r.prompt(i, n), "max_tokens": out, "temperature": 0, "stream": true, "ignore_eos": true,
	})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.c.URL+"/completions", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+r.c.Key)
	began := time.Now()
	resp, err := r.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		_, err = io.Copy(io.Discard, resp.Body)
		r.mu.Lock()
		r.status[resp.StatusCode]++
		r.mu.Unlock()
		return err
	}
	return r.read(resp.Body, began, long)
}

// read takes the times of a stream's events, also of one that is cut off when
// the time is over.
func (r *run) read(body io.Reader, began time.Time, long bool) error {
	var gaps []float64
	var first float64
	var failed error
	last := began
	lines := bufio.NewReader(body)
	for {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			if err != io.EOF {
				failed = err
			}
			break
		}
		if !bytes.HasPrefix(line, []byte("data: {")) {
			continue
		}
		now := time.Now()
		if first == 0 {
			first = now.Sub(began).Seconds()
		} else {
			gaps = append(gaps, now.Sub(last).Seconds())
		}
		last = now
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status[http.StatusOK]++
	if long || first == 0 {
		if first > 0 {
			r.long = append(r.long, first)
		}
		return failed
	}
	r.count++
	r.tokens += len(gaps) + 1
	r.ttft = append(r.ttft, first)
	r.gap = append(r.gap, gaps...)
	return failed
}
