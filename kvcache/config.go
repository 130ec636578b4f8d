package kvcache

import (
	"errors"
	"fmt"

	"kvasir/internal/parallel"
)

// BlockSlots is the number of slots (tokens) in a block.
const BlockSlots = 32

// Errors that callers branch on.
var (
	// ErrFull: a sequence would grow beyond the context length.
	ErrFull = errors.New("context is full")
	// ErrPool: the pool's byte limit leaves no room for the step.
	ErrPool = errors.New("cache memory is used up")
	// ErrCannotTruncate: slots that the shorter sequence needs are gone.
	ErrCannotTruncate = errors.New("sequence cannot be cut there")
	// ErrClosed: the sequence or the cache was closed.
	ErrClosed = errors.New("closed")
)

// LayerSpec is the geometry of one attention layer.
type LayerSpec struct {
	KVHeads    int
	KDim, VDim int // values per head
	Window     int // 0 = every earlier token is visible; else those with distance < Window

	// What policies need to weigh slots; the cache itself works without.
	QHeads  int     // 0 = KVHeads
	Scale   float32 // multiplies q·k; 0 = 1
	SoftCap float32 // s = c·tanh(s/c) on the scaled score; 0 = off
	Rope    *Rope   // nil = keys are not rotated
}

// Group is the number of query heads that share a KV head.
func (l *LayerSpec) Group() int { return max(1, l.QHeads/l.KVHeads) }

// Config fixes the layout of a cache for one model.
type Config struct {
	Layers    []LayerSpec
	K, V      DType // storage of keys and values; F16 is the zero value
	Ctx       int   // the most tokens a sequence may hold
	PoolBytes int64 // limit over all sequences; 0 = none

	// Trained is the context that the model was trained with; 0 = Ctx. Policies
	// that go on for ever keep distances below it.
	Trained int
	// ModelKey tells models, and settings that change what they compute, apart:
	// it goes with what is saved.
	ModelKey [32]byte
	// Workers carry out compactions; nil = the calling goroutine.
	Workers *parallel.Pool
}

func (c *Config) validate() error {
	if c.Ctx < 1 {
		return fmt.Errorf("context length %d: must be at least 1", c.Ctx)
	}
	if len(c.Layers) == 0 {
		return errors.New("a cache needs at least one layer")
	}
	if c.PoolBytes < 0 {
		return fmt.Errorf("cache limit of %d bytes: must not be negative", c.PoolBytes)
	}
	for i, l := range c.Layers {
		if l.KVHeads < 1 || l.KDim < 1 || l.VDim < 1 || l.Window < 0 {
			return fmt.Errorf("layer %d: %d heads of %d and %d values, window %d: out of range", i, l.KVHeads, l.KDim, l.VDim, l.Window)
		}
		if l.QHeads < 0 || l.QHeads%l.KVHeads != 0 {
			return fmt.Errorf("layer %d: %d query heads do not share %d heads evenly", i, l.QHeads, l.KVHeads)
		}
		for _, s := range []struct {
			name string
			t    DType
			dim  int
		}{{"key", c.K, l.KDim}, {"value", c.V, l.VDim}} {
			if err := s.t.check(s.dim); err != nil {
				return fmt.Errorf("layer %d: %s heads of %d values: %w", i, s.name, s.dim, err)
			}
		}
	}
	return nil
}

// SeqBytes returns the bytes of blocks that a sequence of n tokens takes once
// it is alone in its blocks, beside steps of at most chunk rows (windowed
// layers hold a window and one step).
func (c *Config) SeqBytes(n, chunk int) int64 {
	var sum int64
	for _, l := range c.Layers {
		slots := n
		if l.Window > 0 {
			slots = min(n, l.Window+windowSlack+chunk+BlockSlots)
		}
		blocks := int64((slots + BlockSlots - 1) / BlockSlots)
		sum += blocks * int64(l.KVHeads) * int64(c.blockBytes(l))
	}
	return sum
}

func (c *Config) blockBytes(l LayerSpec) int {
	n := BlockSlots * (c.K.rowBytes(l.KDim) + c.V.rowBytes(l.VDim))
	return (n + 63) &^ 63
}
