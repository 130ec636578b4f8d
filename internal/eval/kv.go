package eval

import (
	"context"
	"errors"
	"fmt"

	"kvasir"
)

// Modes of the comparison of cache settings.
const (
	// After: a prompt is computed and compressed, and the tokens after it are
	// scored one by one.
	After = "after"
	// Continuous: the text is fed token by token, and the cache holds its budget
	// from the start.
	Continuous = "continuous"
)

// KVOptions configure a comparison of cache settings.
type KVOptions struct {
	Ctx     int    // tokens of a window; 0 = 2048
	Tail    int    // scored at the end of each (after); 0 = an eighth, at least 64
	From    int    // first scored position (continuous); 0 = the middle
	Windows int    // at most so many; 0 = as many as the text has
	Mode    string // After or Continuous; "" = After
	Step    int    // tokens fed at a time; 0 = 1
	BOS     int32  // replaces the first token of each window; -1 = none
	// Progress, when set, is called after each window.
	Progress func(window, windows int, r []KVResult)
}

// KVResult is what a setting cost and kept. Tags are the JSON names.
type KVResult struct {
	Kind       string  `json:"kind"`
	Policy     string  `json:"policy"`
	KV         string  `json:"kv"`
	KVType     string  `json:"kv_type"`
	Attention  string  `json:"attention"`
	Mode       string  `json:"mode"`
	Budget     int     `json:"budget"` // slots a lane, where it is known; 0 = all
	Asked      float64 `json:"bytes_asked,omitempty"`
	Bytes      int64   `json:"bytes"` // after the prompt; continuous: at the end
	BytesEnd   int64   `json:"bytes_end"`
	BytesPeak  int64   `json:"bytes_peak"`
	BytesDense int64   `json:"bytes_dense"` // the reference's, at the same moment
	Ratio      float64 `json:"ratio"`
	Quality
	Ctx     int `json:"ctx"`
	Tail    int `json:"tail"`
	Step    int `json:"step"`
	Windows int `json:"windows"`
	// Slots is the mean over the lanes that a policy may touch, at the end.
	Slots       float64 `json:"slots"`
	Compactions int     `json:"compactions"`
}

// ErrShortText says that the text has too few tokens for one window.
var ErrShortText = errors.New("text too short")

// resolve sets the defaults and checks.
func (o KVOptions) resolve(tokens int) (KVOptions, error) {
	if o.Mode == "" {
		o.Mode = After
	}
	if o.Mode != After && o.Mode != Continuous {
		return o, fmt.Errorf("%w: mode %q: use after or continuous", ErrSetting, o.Mode)
	}
	if o.Ctx == 0 {
		o.Ctx = 2048
	}
	o.Step = max(o.Step, 1)
	if tokens < o.Ctx {
		return o, fmt.Errorf("%w: %d tokens, a window has %d", ErrShortText, tokens, o.Ctx)
	}
	if o.Tail == 0 {
		o.Tail = max(o.Ctx/8, min(64, o.Ctx/2))
	}
	if o.Mode == Continuous {
		if o.From == 0 {
			o.From = o.Ctx / 2
		}
		o.Tail = o.Ctx - o.From
	}
	if o.Ctx < 16 || o.Tail < 2 || o.Tail > o.Ctx-8 {
		return o, fmt.Errorf("%w: windows of %d tokens of which %d are scored", ErrSetting, o.Ctx, o.Tail)
	}
	all := tokens / o.Ctx
	if o.Windows == 0 || o.Windows > all {
		o.Windows = all
	}
	return o, nil
}

// column is a setting during a run.
type column struct {
	set     Setting
	slots   int // solved from the share of the bytes; 0 = not yet
	session *kvasir.Session
	rows    []Row
	result  KVResult
}

// kvRun is a comparison under way.
type kvRun struct {
	r    *Runner
	o    KVOptions
	cols []*column
	base *kvasir.Session
}

// KV measures settings against the dense cache on a text. All of them go
// through each window together, and the reference is computed once. Results are
// in order of the settings.
func (r *Runner) KV(ctx context.Context, tokens []int32, settings []Setting, o KVOptions) ([]KVResult, error) {
	o, err := o.resolve(len(tokens))
	if err != nil {
		return nil, err
	}
	run := &kvRun{r: r, o: o}
	for _, s := range settings {
		run.cols = append(run.cols, &column{set: s})
	}
	for w := range o.Windows {
		if err := run.window(ctx, w, tokens[w*o.Ctx:(w+1)*o.Ctx]); err != nil {
			return nil, fmt.Errorf("window %d: %w", w+1, err)
		}
		if o.Progress != nil {
			o.Progress(w+1, o.Windows, run.results())
		}
	}
	return run.results(), nil
}

func (k *kvRun) results() []KVResult {
	out := make([]KVResult, len(k.cols))
	for i, c := range k.cols {
		out[i] = c.result
		out[i].Quality = newQuality(c.rows)
		out[i].Windows = len(out[i].KLWindows)
	}
	return out
}

// window runs all settings over one window.
func (k *kvRun) window(ctx context.Context, w int, text []int32) (err error) {
	defer func() { err = errors.Join(err, k.close()) }()
	input := append([]int32(nil), text...)
	if k.o.BOS >= 0 {
		input[0] = k.o.BOS
	}
	first := k.o.Ctx - k.o.Tail
	dense := k.r.reference()
	if k.base, err = k.r.session(&dense, 0); err != nil {
		return err
	}
	if err = k.base.Prefill(ctx, kvasir.Prompt{Tokens: input[:first]}); err != nil {
		return err
	}
	atPrompt := k.base.CacheStats().Bytes
	for _, c := range k.cols {
		c.result.BytesDense = atPrompt
		if err := k.start(ctx, c, input[:first], atPrompt); err != nil {
			return fmt.Errorf("%s: %w", &c.set, err)
		}
	}
	if err := k.score(ctx, w, input, text, first); err != nil {
		return err
	}
	for _, c := range k.cols {
		k.account(c, k.base.CacheStats().Bytes)
	}
	return nil
}

func (k *kvRun) close() error {
	var errs []error
	for _, c := range k.cols {
		if c.session != nil {
			errs = append(errs, c.session.Close())
			c.session = nil
		}
	}
	if k.base != nil {
		errs = append(errs, k.base.Close())
		k.base = nil
	}
	return errors.Join(errs...)
}

// chunk is how many rows of logits are held of each setting.
const chunkRows = 16

// score feeds the tokens from first on to the reference and the settings, some
// rows at a time, so that memory does not grow with the text.
func (k *kvRun) score(ctx context.Context, w int, input, target []int32, first int) error {
	base := make([]baseRow, 0, chunkRows)
	for lo := first; lo < len(input)-1; lo += chunkRows {
		hi := min(lo+chunkRows, len(input)-1)
		base = base[:0]
		err := k.base.Logits(ctx, input[lo:hi], func(pos int, logits []float32) error {
			b, err := newBaseRow(append([]float32(nil), logits...), target[pos+1], pos)
			base = append(base, b)
			return err
		})
		if err != nil {
			return err
		}
		for _, c := range k.cols {
			if err := k.scoreColumn(ctx, c, w, input[lo:hi], target, lo, base); err != nil {
				return fmt.Errorf("%s: %w", &c.set, err)
			}
		}
	}
	return nil
}

// scoreColumn feeds rows to one setting, o.Step at a time.
func (k *kvRun) scoreColumn(ctx context.Context, c *column, w int, rows, target []int32, lo int, base []baseRow) error {
	for i := 0; i < len(rows); i += k.o.Step {
		j := min(i+k.o.Step, len(rows))
		at := i
		err := c.session.Logits(ctx, rows[i:j], func(_ int, logits []float32) error {
			r, err := base[at].compare(logits, target[lo+at+1], lo+at)
			r.Window = int32(w)
			c.rows = append(c.rows, r)
			at++
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
