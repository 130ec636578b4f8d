package kvcache

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/x448/float16"
)

// capturedLane is one lane of testdata/policies/capture.json.
type capturedLane struct {
	Name                        string
	Tokens, Group, Dim, Queries int
	Scale                       float32
	keys, q                     []float32
}

func loadCapture(t *testing.T) []capturedLane {
	t.Helper()
	var meta struct{ Lanes []capturedLane }
	b, err := os.ReadFile(filepath.Join("testdata", "policies", "capture.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &meta))
	b, err = os.ReadFile(filepath.Join("testdata", "policies", "capture.f16"))
	require.NoError(t, err)
	take := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float16.Frombits(binary.LittleEndian.Uint16(b[2*i:])).Float32()
		}
		b = b[2*n:]
		return x
	}
	for i := range meta.Lanes {
		l := &meta.Lanes[i]
		l.keys = take(l.Tokens * l.Dim)
		l.q = take(l.Queries * l.Group * l.Dim)
	}
	require.Empty(t, b)
	return meta.Lanes
}

// compacted feeds captured lanes, a layer each, as a prompt to a sequence and
// returns the positions that every lane keeps.
func compacted(t *testing.T, lanes []capturedLane, spec string) [][]int32 {
	t.Helper()
	cfg := Config{Ctx: 512}
	for _, l := range lanes {
		cfg.Layers = append(cfg.Layers, LayerSpec{KVHeads: 1, QHeads: l.Group, KDim: l.Dim, VDim: l.Dim, Scale: l.Scale})
	}
	c, err := Open(cfg)
	require.NoError(t, err)
	s, err := c.NewSeq(spec)
	require.NoError(t, err)
	n := lanes[0].Tokens
	st := NewStep(1, n)
	require.NoError(t, c.Begin(st, []Rows{{Seq: s, N: n, End: true}}))
	tmp := make([]byte, c.TmpBytes())
	for i, l := range lanes {
		for r := range n {
			st.Put(i, r, l.keys[r*l.Dim:(r+1)*l.Dim], make([]float32, l.Dim), tmp)
			if k := r - (n - l.Queries); k >= 0 {
				w := l.Group * l.Dim
				st.Queries(i, r, l.q[k*w:(k+1)*w])
			}
		}
	}
	require.NoError(t, st.Commit())
	require.NoError(t, c.Begin(st, []Rows{{Seq: s, N: 1}}))
	out := make([][]int32, len(lanes))
	for i := range lanes {
		var v View
		st.View(&v, 0, i, 0, 0, 1)
		for _, seg := range v.Segs {
			out[i] = append(out[i], seg.Pos...)
		}
		out[i] = out[i][:len(out[i])-1] // the new row
	}
	st.Abort()
	s.Close()
	require.NoError(t, c.Close())
	return out
}

// The kept sets of SnapKV and sinks are those of an independent reference
// (bench/reference/policies.py) on keys and queries of a real model, ties
// included.
func TestKeptSets(t *testing.T) {
	lanes := loadCapture(t)
	var sets []struct {
		Lane, Policy string
		Params       map[string]any
		Keep         []int32
	}
	b, err := os.ReadFile(filepath.Join("testdata", "policies", "kept.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &sets))
	require.NotEmpty(t, sets)
	kept := map[string][][]int32{}
	for _, set := range sets {
		p := Params{}
		for k, v := range set.Params {
			p[k] = fmt.Sprint(v)
		}
		spec := FormatPolicy(set.Policy, p)
		if kept[spec] == nil {
			kept[spec] = compacted(t, lanes, spec)
		}
		for i, l := range lanes {
			if l.Name == set.Lane {
				require.Equal(t, set.Keep, kept[spec][i], "lane %s under %s", l.Name, spec)
			}
		}
	}
}

// The captured lanes have exact ties at the cut, so that the rule for them is
// tested: with maximum pooling the best slot left out has as many votes as the
// worst one kept.
func TestKeptSetsHaveTies(t *testing.T) {
	ties := 0
	for _, l := range loadCapture(t) {
		at := compacted(t, []capturedLane{l}, "snapkv:budget=48,window=16,kernel=7,pool=max")[0]
		more := compacted(t, []capturedLane{l}, "snapkv:budget=49,window=16,kernel=7,pool=max")[0]
		votes := l.votes(16, 7)
		in := map[int32]bool{}
		least := float32(2)
		for _, p := range at {
			in[p] = true
			if int(p) < len(votes) {
				least = min(least, votes[p])
			}
		}
		for _, p := range more {
			if !in[p] && votes[p] == least {
				ties++
			}
		}
	}
	require.Positive(t, ties)
}

// votes are SnapKV's votes with maximum pooling, as float32.
func (l *capturedLane) votes(window, kernel int) []float32 {
	s := &snapkvState{window: window, kernel: kernel, maxPool: true}
	var out []float32
	c, _ := Open(Config{Ctx: 512, Layers: []LayerSpec{{KVHeads: 1, QHeads: l.Group, KDim: l.Dim, VDim: l.Dim, Scale: l.Scale}}})
	probe := &probePolicy{needs: Needs{Queries: window}, look: func(c *Compaction) { out = s.votes(c.Lane(0)) }}
	seq, _ := c.open("probe", probe, probe)
	st := NewStep(1, l.Tokens)
	if c.Begin(st, []Rows{{Seq: seq, N: l.Tokens, End: true}}) != nil {
		return nil
	}
	tmp := make([]byte, c.TmpBytes())
	for r := range l.Tokens {
		st.Put(0, r, l.keys[r*l.Dim:(r+1)*l.Dim], make([]float32, l.Dim), tmp)
		if k := r - (l.Tokens - l.Queries); k >= 0 {
			st.Queries(0, r, l.q[k*l.Group*l.Dim:(k+1)*l.Group*l.Dim])
		}
	}
	_ = st.Commit()
	return out[:l.Tokens-window]
}

// probePolicy looks at the lanes when a prompt ends and changes nothing.
type probePolicy struct {
	denseState
	needs Needs
	look  func(c *Compaction)
}

func (p *probePolicy) Name() string                       { return "probe" }
func (p *probePolicy) Help() string                       { return "" }
func (p *probePolicy) New(Params, *Config) (State, error) { return p, nil }
func (p *probePolicy) Needs() Needs                       { return p.needs }
func (p *probePolicy) Due(e Event) bool                   { return e.Kind == EndOfPrompt }
func (p *probePolicy) Clone() State                       { return p }

// Compact is part of State.
func (p *probePolicy) Compact(_ Event, c *Compaction) error {
	p.look(c)
	return nil
}
