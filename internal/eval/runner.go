package eval

import (
	"context"
	"errors"
	"fmt"

	"kvasir"
)

// Runner opens engines for settings and keeps them until it is closed. It is
// used by one goroutine.
type Runner struct {
	// Open opens the model under test.
	Open func(kvasir.Options) (*kvasir.Engine, error)
	// Options are what all settings have in common.
	Options kvasir.Options
	// BaseType is how the reference stores keys and values; "" = DefaultType. The
	// reference keeps everything and attends to all of it.
	BaseType string

	engines map[kvasir.Options]*kvasir.Engine
}

// engine returns the engine for a storage type and an attention variant.
func (r *Runner) engine(s *Setting) (*kvasir.Engine, error) {
	return r.open(s.engineOptions(r.Options))
}

func (r *Runner) open(o kvasir.Options) (*kvasir.Engine, error) {
	if e, ok := r.engines[o]; ok {
		return e, nil
	}
	e, err := r.Open(o)
	if err != nil {
		return nil, err
	}
	if r.engines == nil {
		r.engines = map[kvasir.Options]*kvasir.Engine{}
	}
	r.engines[o] = e
	return e, nil
}

// reference is the setting that every other is compared with.
func (r *Runner) reference() Setting {
	d := Dense()
	if r.BaseType != "" {
		d.Type = r.BaseType
	}
	return d
}

// Base returns the engine of the reference.
func (r *Runner) Base() (*kvasir.Engine, error) {
	d := r.reference()
	return r.engine(&d)
}

// Close closes the engines.
func (r *Runner) Close() error {
	var errs []error
	for _, e := range r.engines {
		errs = append(errs, e.Close())
	}
	r.engines = nil
	return errors.Join(errs...)
}

// feed appends tokens in passes of at most step rows, without looking at what
// may follow. It is no prompt: no policy is told that one has ended.
func feed(ctx context.Context, s *kvasir.Session, tokens []int32, step int) error {
	for len(tokens) > 0 {
		k := min(step, len(tokens))
		if err := s.NextLogits(ctx, tokens[:k], func([]float32) error { return nil }); err != nil {
			return err
		}
		tokens = tokens[k:]
	}
	return nil
}

// fit finds the largest number of slots, in whole blocks, whose measured bytes do
// not exceed the target. The first guess is ratio·n; perSlot says how bytes grow.
// measure is called at most five times and last with the result.
func fit(target int64, guess int, perSlot float64, measure func(slots int) (int64, error)) (int, error) {
	const block, tries = 32, 5
	slots, fits, exceeds := max(guess/block, 1)*block, 0, 0
	for range tries {
		bytes, err := measure(slots)
		if err != nil {
			return 0, err
		}
		blocks := float64(target-bytes) / (perSlot * block)
		next := slots
		if bytes <= target {
			fits = slots
			next += int(blocks) * block
			if exceeds > 0 {
				next = min(next, exceeds-block)
			}
		} else {
			exceeds = slots
			next -= (int(-blocks) + 1) * block
			if next <= fits {
				next = fits
			}
		}
		if next == slots {
			return slots, nil
		}
		if next < block {
			return 0, fmt.Errorf("%w: %d bytes do not hold one block per lane", ErrSetting, target)
		}
		slots = next
	}
	if fits == 0 {
		return 0, fmt.Errorf("%w: no budget found for %d bytes", ErrSetting, target)
	}
	_, err := measure(fits)
	return fits, err
}
