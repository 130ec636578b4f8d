package gguf_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kvasir/internal/gguf"
)

var sentinels = []error{
	gguf.ErrNotGGUF, gguf.ErrVersion, gguf.ErrTruncated, gguf.ErrCorrupt, gguf.ErrMissing,
	gguf.ErrType, gguf.ErrShape, gguf.ErrSplit, gguf.ErrByteOrder,
}

// allocated returns the bytes that fn allocated, freed or not.
func allocated(fn func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// allocBound is what parsing a file of n bytes may allocate.
func allocBound(n int) uint64 { return 4*uint64(n) + 1<<20 }

// checkError requires an error to wrap exactly one sentinel and to say more than
// that: a name in quotes or a number.
func checkError(err error) error {
	wrapped := 0
	text := err.Error()
	for _, s := range sentinels {
		if errors.Is(err, s) {
			wrapped++
			text = strings.ReplaceAll(text, s.Error(), "")
		}
	}
	if wrapped != 1 {
		return fmt.Errorf("%q wraps %d sentinels, want 1", err, wrapped)
	}
	if !strings.ContainsAny(text, `"0123456789`) {
		return fmt.Errorf("%q names nothing", err)
	}
	return nil
}

// use reads everything there is in f by every getter. Nothing may panic, and
// what parsed must survive being written and parsed again.
func use(f *gguf.File) error {
	for _, kv := range f.KV {
		_, e1 := f.String(kv.Key)
		_, e2 := f.Bool(kv.Key)
		_, e3 := f.Uint(kv.Key)
		_, e4 := f.Int(kv.Key)
		_, e5 := f.Float32(kv.Key)
		_, e6 := f.Bytes(kv.Key)
		_, e7 := f.Float32s(kv.Key)
		_, e8 := f.Int32s(kv.Key)
		_, e9 := f.Bools(kv.Key)
		s, e10 := f.Strings(kv.Key)
		for i := range s.Len() {
			_ = s.At(i)
		}
		for _, err := range []error{e1, e2, e3, e4, e5, e6, e7, e8, e9, e10} {
			if err != nil && !errors.Is(err, gguf.ErrType) {
				return fmt.Errorf("getter: %w", err)
			}
		}
		if e10 == nil && s.Len() != kv.Value.Len() {
			return fmt.Errorf("key %q: %d strings, want %d", kv.Key, s.Len(), kv.Value.Len())
		}
		_ = kv.Value.String()
	}
	for i := range f.Tensors {
		t := &f.Tensors[i]
		if have, ok := f.Tensor(t.Name); !ok || have != t {
			return fmt.Errorf("tensor %q cannot be found", t.Name)
		}
		if data := f.Data(t); f.DataErr() == nil && int64(len(data)) != t.Size {
			return fmt.Errorf("tensor %q: %d bytes, want %d", t.Name, len(data), t.Size)
		}
	}
	if f.DataErr() != nil {
		return nil
	}
	var out, again bytes.Buffer
	if err := gguf.Write(&out, f.KV, f.Tensors, f.WriteData); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	g, err := gguf.ParseBytes(out.Bytes())
	if err != nil {
		return fmt.Errorf("written again: %w", err)
	}
	if err := gguf.Write(&again, g.KV, g.Tensors, g.WriteData); err != nil {
		return err
	}
	if !bytes.Equal(out.Bytes(), again.Bytes()) {
		return errors.New("writing twice gives two files")
	}
	return nil
}

// damaged yields variants of a valid file: every bit of its head flipped, the
// file cut at every byte, every field of the head replaced by hostile numbers,
// and random mixtures of these up to n variants.
func damaged(data []byte, head, n int, try func(name string, data []byte)) {
	tried := 0
	one := func(name string, variant []byte) { try(name, variant); tried++ }
	for cut := range len(data) {
		one(fmt.Sprintf("cut at %d", cut), data[:cut:cut])
	}
	hostile := []uint64{
		0, 1, 9, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 32, 1<<62 + 1, 1<<63 - 1, 1 << 63, 1<<64 - 1, 1<<64 - 31,
		uint64(len(data)), uint64(len(data)) + 1, 65536, 1 << 24,
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for at := range head {
		flipped := bytes.Clone(data)
		flipped[at] ^= 1 << rng.IntN(8)
		one(fmt.Sprintf("bit of byte %d", at), flipped)
		for _, v := range []uint64{hostile[at%len(hostile)], hostile[rng.IntN(len(hostile))]} {
			wide := bytes.Clone(data)
			copy(wide[at:head], binary.LittleEndian.AppendUint64(nil, v))
			one(fmt.Sprintf("u64 %d at %d", v, at), wide)
			narrow := bytes.Clone(data)
			copy(narrow[at:head], binary.LittleEndian.AppendUint32(nil, uint32(v)))
			one(fmt.Sprintf("u32 %d at %d", uint32(v), at), narrow)
		}
	}
	for tried < n {
		variant := bytes.Clone(data)
		for range 1 + rng.IntN(4) {
			at := rng.IntN(head)
			switch rng.IntN(3) {
			case 0:
				variant[at] ^= 1 << rng.IntN(8)
			case 1:
				copy(variant[at:head], binary.LittleEndian.AppendUint64(nil, hostile[rng.IntN(len(hostile))]))
			default:
				variant[at] = byte(rng.Uint32())
			}
		}
		if rng.IntN(8) == 0 {
			variant = variant[:rng.IntN(len(variant))]
		}
		one(fmt.Sprintf("mixture %d", tried), variant)
	}
}

// TestDamage parses 10 000 damaged files: no panic, no hang, bounded
// allocation, and an error that says where, or a file that is fit for use.
func TestDamage(t *testing.T) {
	data, head := sample().bytes(), len(sample().head())
	refused, total := 0, 0
	damaged(data, head, 10_000, func(name string, variant []byte) {
		total++
		var f, g *gguf.File
		var err, err2 error
		start := time.Now()
		got := allocated(func() { f, err = gguf.ParseBytes(variant) })
		got2 := allocated(func() { g, err2 = gguf.Parse(bytes.NewReader(variant), int64(len(variant))) })
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("%s: took %v", name, d)
		}
		if limit := allocBound(len(variant)); got > limit || got2 > limit {
			t.Errorf("%s: allocated %d and %d bytes, limit %d", name, got, got2, limit)
		}
		if (err == nil) != (err2 == nil) || err != nil && err.Error() != err2.Error() {
			t.Fatalf("%s: from memory: %v; from a reader: %v", name, err, err2)
		}
		if err != nil {
			refused++
			if e := checkError(err); e != nil {
				t.Errorf("%s: %v", name, e)
			}
			return
		}
		if e := errors.Join(use(f), use(g)); e != nil {
			t.Errorf("%s: %v", name, e)
		}
	})
	require.GreaterOrEqual(t, total, 10_000)
	require.Greater(t, refused, total/2, "the damage is too mild")
	require.Less(t, refused, total, "the damage is too harsh: nothing tests what is accepted")
}

// TestAllocationBound parses valid files made to cost much memory for few bytes.
func TestAllocationBound(t *testing.T) {
	short := func(i int) string { return strings.TrimRight(fmt.Sprintf("%x", i), " ") }
	files := map[string]craft{}

	entries := craft{}
	for i := range 65536 {
		entries.kv = append(entries.kv, rawKV{key: short(i), typ: 0, payload: []byte{1}})
	}
	files["entries"] = entries

	tensors := craft{align: 1, kv: []rawKV{{key: "general.alignment", typ: 4, payload: le(uint32(1))}}, dataLen: 65536}
	for i := range 65536 {
		tensors.tensors = append(tensors.tensors, rawTensor{name: short(i), dims: []uint64{1}, typ: 24, offset: uint64(i)})
	}
	files["tensors"] = tensors

	deep := craft{dataLen: 32 * 20000}
	for i := range 20000 {
		deep.tensors = append(deep.tensors, rawTensor{name: short(i), dims: []uint64{1, 1, 1, 1}, typ: 0, offset: uint64(32 * i)})
	}
	files["tensors of four dimensions"] = deep

	files["empty strings"] = craft{kv: []rawKV{array(8, 1<<20, make([]byte, 8<<20))}}
	// The counts promise all that the bytes could hold, and nothing is there.
	files["broken promise of entries"] = craft{nKV: ptr(uint64(65536)), kv: []rawKV{textKV("a", strings.Repeat("b", 14*65536))}}
	files["broken promise of tensors"] = craft{nTensors: ptr(uint64(65536)), kv: []rawKV{{key: "a"}}, dataLen: 33 * 65536}

	for name, c := range files {
		t.Run(name, func(t *testing.T) {
			data := c.bytes()
			limit := allocBound(len(data))
			for mode, parse := range map[string]func() (*gguf.File, error){
				"memory": func() (*gguf.File, error) { return gguf.ParseBytes(data) },
				"reader": func() (*gguf.File, error) { return gguf.Parse(bytes.NewReader(data), int64(len(data))) },
			} {
				var f *gguf.File
				var err error
				got := allocated(func() { f, err = parse() })
				require.LessOrEqual(t, got, limit, "%s: %d bytes of file, %.2f of the limit", mode, len(data), float64(got)/float64(limit))
				if strings.HasPrefix(name, "broken") {
					require.Error(t, err)
					continue
				}
				require.NoError(t, err)
				if s := f.KV; len(s) == 1 && f.KV[0].Value.Elem() == gguf.TypeString {
					got := allocated(func() { _, err = f.Strings(s[0].Key) })
					require.NoError(t, err)
					require.LessOrEqual(t, got, limit)
				}
			}
		})
	}
}

// TestReaderFaults: a reader that fails, and one that holds less than promised.
func TestReaderFaults(t *testing.T) {
	data := sample().bytes()
	_, err := gguf.Parse(bytes.NewReader(data[:300]), int64(len(data)))
	require.ErrorIs(t, err, gguf.ErrTruncated)
	_, err = gguf.Parse(failingReader{}, int64(len(data)))
	require.ErrorIs(t, err, io.ErrClosedPipe)
	_, err = gguf.Parse(bytes.NewReader(data), -1)
	require.ErrorIs(t, err, gguf.ErrCorrupt)

	f, err := gguf.Parse(bytes.NewReader(data), int64(len(data)))
	require.NoError(t, err)
	require.Nil(t, f.Data(&f.Tensors[0]))
	require.ErrorContains(t, f.DataErr(), "not in memory")
	require.NoError(t, f.Release(&f.Tensors[0]))
}

type failingReader struct{}

func (failingReader) ReadAt([]byte, int64) (int, error) { return 0, io.ErrClosedPipe }

// TestWindow moves a file's fields across the edges of the reader's window.
func TestWindow(t *testing.T) {
	for _, n := range []int{65400, 65450, 65470, 65480, 65490, 65500, 65510, 65520, 65530, 65535, 131000, 200000} {
		c := sample()
		c.kv = append([]rawKV{textKV("pad", strings.Repeat("x", n))}, c.kv...)
		c.kv = append(c.kv, rawKV{key: "many", typ: 9, payload: le(uint32(8), uint64(30000), make([]byte, 8*30000))})
		f, err := parseBoth(t, c.bytes())
		require.NoError(t, err)
		v, err := f.Uint("u64")
		require.NoError(t, err)
		require.Equal(t, uint64(1<<63), v)
	}
}
