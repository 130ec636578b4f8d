package kvcache

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// saveLoad replaces a sequence by its saved and loaded self.
func (m *machine) saveLoad(q *naiveSeq) {
	var b bytes.Buffer
	require.NoError(m.t, q.s.Save(&b, []byte("user")))
	s, user, err := m.c.Load(bytes.NewReader(b.Bytes()), int64(b.Len()))
	require.NoError(m.t, err)
	require.Equal(m.t, "user", string(user))
	q.s.Close()
	q.s = s
}

// saved returns a machine and a saved sequence of it, one that was cut.
func saved(t *testing.T, ty DType) (*machine, *naiveSeq, []byte) {
	m := newMachine(t, machineConfig(ty), 9)
	q := m.all[0]
	m.append(q, 45, true)
	m.cut(q)
	m.cut(q)
	m.append(q, 5, true)
	var b bytes.Buffer
	require.NoError(t, q.s.Save(&b, []byte("user")))
	return m, q, b.Bytes()
}

// Every flipped bit and every cut of a saved sequence is noticed before the
// cache is touched.
func TestDamagedSavesAreRefused(t *testing.T) {
	withPolicy(t, scripted{Needs{Weights: true, Keys: true}})
	m, q, data := saved(t, I16)
	used := m.c.Stats()
	refused := func(b []byte, what string, at int) {
		s, _, err := m.c.Load(bytes.NewReader(b), int64(len(b)))
		if err == nil || s != nil {
			require.Failf(t, "loaded", "%s at %d of %d", what, at, len(data))
		}
		require.ErrorIs(t, err, ErrSaved, "%s at %d of %d", what, at, len(data))
	}
	b := bytes.Clone(data)
	step := 1
	if testing.Short() {
		step = 7
	}
	for i := 0; i < len(b); i += step {
		flip := []byte{1 << (i % 8), 0xff}[i%2]
		b[i] ^= flip
		refused(b, "flipped byte", i)
		b[i] ^= flip
		refused(b[:i], "cut", i)
	}
	refused(append(b, 0), "appended byte", len(b))
	require.Equal(t, used, m.c.Stats(), "nothing was taken")
	m.check(q, 2e-2)
	m.saveLoad(q)
	m.check(q, 2e-2)
	checkPool(t, m.c, q.s)
}

func TestSavesOfOtherModels(t *testing.T) {
	withPolicy(t, scripted{Needs{Weights: true, Keys: true}})
	_, _, data := saved(t, F16)
	for name, f := range map[string]func(*Config){
		"key":   func(c *Config) { c.ModelKey[3] = 1 },
		"type":  func(c *Config) { c.V = F32 },
		"shape": func(c *Config) { c.Layers[1].Window = 41 },
	} {
		cfg := machineConfig(F16)
		f(&cfg)
		c, err := Open(cfg)
		require.NoError(t, err)
		_, _, err = c.Load(bytes.NewReader(data), int64(len(data)))
		require.ErrorIs(t, err, ErrOtherModel, name)
	}
	cfg := machineConfig(F16)
	cfg.PoolBytes = 1000
	c, err := Open(cfg)
	require.NoError(t, err)
	_, _, err = c.Load(bytes.NewReader(data), int64(len(data)))
	require.ErrorIs(t, err, ErrPool)
	require.Zero(t, c.Stats().Seqs)
	cfg.PoolBytes, cfg.Ctx = 0, 40
	c, err = Open(cfg)
	require.NoError(t, err)
	_, _, err = c.Load(bytes.NewReader(data), int64(len(data)))
	require.ErrorIs(t, err, ErrFull)
}

// childVar makes a test binary save for ever, until it is killed.
const childVar = "KVASIR_TEST_SAVE_FILE"

// Killed at any moment, a process leaves the old session or the new one.
func TestKilledWhileSaving(t *testing.T) {
	if path := os.Getenv(childVar); path != "" {
		saveForEver(t, path)
	}
	kills := 100
	if testing.Short() {
		kills = 5
	}
	if n, err := strconv.Atoi(os.Getenv("KVASIR_TEST_KILLS")); err == nil {
		kills = n
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "session")
	c, err := Open(machineConfig(F32))
	require.NoError(t, err)
	seen := map[string]int{}
	for i := range kills {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilledWhileSaving$")
		cmd.Env = append(os.Environ(), childVar+"="+path)
		require.NoError(t, cmd.Start())
		before, _ := os.Stat(path)
		for now := before; now == nil || before != nil && os.SameFile(before, now); now, _ = os.Stat(path) {
			time.Sleep(200 * time.Microsecond) // until the child saves
		}
		time.Sleep(time.Duration(rand.Int64N(int64(3 * time.Millisecond))))
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait() // it was killed
		s, user, err := c.LoadFile(path)
		require.NoError(t, err, "kill %d", i)
		require.Equal(t, fmt.Sprint(s.Len()), string(user))
		seen[string(user)]++
		m := &machine{t: t, c: c, st: NewStep(1, 1)}
		m.check(childSeq(c, s), 0)
		s.Close()
	}
	t.Logf("%d kills: %v", kills, seen)
	require.NoError(t, c.Close())
}

// childSeq is the model of what the child saves: tokens 1, 2, 3, ….
func childSeq(c *Cache, s *Seq) *naiveSeq {
	q := &naiveSeq{s: s, n: s.Len()}
	for i := range c.lanes {
		spec := &c.lanes[i].spec
		if spec.Window > 0 {
			continue
		}
		var l []naiveSlot
		for p := range s.Len() {
			x := naiveSlot{pos: int32(p), size: 1}
			for d := range spec.KDim {
				x.k = append(x.k, float64(value(p+1, i, 0, d)))
				x.v = append(x.v, float64(value(p+1, i, 1, d)))
			}
			l = append(l, x)
		}
		q.lanes = append(q.lanes, l)
	}
	return q
}

func saveForEver(t *testing.T, path string) {
	Policies["scripted"] = scripted{}
	m := newMachine(t, machineConfig(F32), 1)
	Policies["scripted"] = dense{} // the parent knows no scripted
	a := m.all[0]
	a.s.spec, a.s.state = "dense", denseState{}
	m.append(a, 40, true)
	f, err := a.s.Fork()
	require.NoError(t, err)
	b := a.clone(f)
	m.append(b, 50, true)
	for {
		require.NoError(t, a.s.SaveFile(path, []byte("40")))
		require.NoError(t, b.s.SaveFile(path, []byte("90")))
	}
}

func FuzzLoad(f *testing.F) {
	cfg := machineConfig(F16)
	c, err := Open(cfg)
	require.NoError(f, err)
	s, err := c.NewSeq("")
	require.NoError(f, err)
	var b bytes.Buffer
	require.NoError(f, s.Save(&b, nil))
	f.Add(b.Bytes())
	m := &machine{t: f, c: c, st: NewStep(1, 64), tmp: make([]byte, c.TmpBytes()), k: make([]float32, 8), v: make([]float32, 8)}
	m.append(&naiveSeq{s: s, lanes: make([][]naiveSlot, 3)}, 50, true)
	b.Reset()
	require.NoError(f, s.Save(&b, []byte("x")))
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		s, _, err := c.Load(bytes.NewReader(data), int64(len(data)))
		if err == nil {
			s.Close()
		}
	})
}
