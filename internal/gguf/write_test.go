package gguf_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir/internal/gguf"
)

func TestRoundTrip(t *testing.T) {
	for name, data := range map[string][]byte{
		"sample":       sample().bytes(),
		"alignment 1":  alignedSample(1).bytes(),
		"alignment 8":  alignedSample(8).bytes(),
		"alignment 1M": alignedSample(1 << 20).bytes(),
	} {
		t.Run(name, func(t *testing.T) {
			f, err := parseBoth(t, data)
			require.NoError(t, err)
			require.True(t, bytes.Equal(data, rewrite(t, f)), "from memory")

			g, err := gguf.Parse(bytes.NewReader(data), int64(len(data)))
			require.NoError(t, err)
			require.True(t, bytes.Equal(data, rewrite(t, g)), "from a reader")
		})
	}
}

// alignedSample lays two tensors out for an alignment.
func alignedSample(align int) craft {
	up := func(n int) int { return (n + align - 1) / align * align }
	return craft{
		align: align,
		kv: []rawKV{
			textKV("general.architecture", "test"),
			{key: "general.alignment", typ: 4, payload: le(uint32(align))},
		},
		tensors: []rawTensor{
			{name: "a", dims: []uint64{3}, typ: 24},
			{name: "b", dims: []uint64{5, 2}, typ: 0, offset: uint64(up(3))},
		},
		dataLen: up(3) + up(40),
		gaps:    [][2]int{{3, up(3)}, {up(3) + 40, up(3) + up(40)}},
	}
}

func TestWriteValues(t *testing.T) {
	kv := []gguf.KV{
		{Key: "u8", Value: gguf.Scalar(uint8(1))}, {Key: "i8", Value: gguf.Scalar(int8(-1))},
		{Key: "u16", Value: gguf.Scalar(uint16(1))}, {Key: "i16", Value: gguf.Scalar(int16(-1))},
		{Key: "u32", Value: gguf.Scalar(uint32(1))}, {Key: "i32", Value: gguf.Scalar(int32(-1))},
		{Key: "u64", Value: gguf.Scalar(uint64(1))}, {Key: "i64", Value: gguf.Scalar(int64(-1))},
		{Key: "f32", Value: gguf.Scalar(float32(1))}, {Key: "f64", Value: gguf.Scalar(1.0)},
		{Key: "bool", Value: gguf.Scalar(true)}, {Key: "string", Value: gguf.Scalar("text")},
		{Key: "strings", Value: gguf.Array([]string{"x", ""})}, {Key: "f32s", Value: gguf.Array([]float32{1, 2})},
	}
	var out bytes.Buffer
	require.NoError(t, gguf.Write(&out, kv, nil, nil))
	want := craft{kv: []rawKV{
		{key: "u8", typ: 0, payload: le(uint8(1))}, {key: "i8", typ: 1, payload: le(int8(-1))},
		{key: "u16", typ: 2, payload: le(uint16(1))}, {key: "i16", typ: 3, payload: le(int16(-1))},
		{key: "u32", typ: 4, payload: le(uint32(1))}, {key: "i32", typ: 5, payload: le(int32(-1))},
		{key: "u64", typ: 10, payload: le(uint64(1))}, {key: "i64", typ: 11, payload: le(int64(-1))},
		{key: "f32", typ: 6, payload: le(float32(1))}, {key: "f64", typ: 12, payload: le(1.0)},
		{key: "bool", typ: 7, payload: le(uint8(1))}, textKV("string", "text"),
		{key: "strings", typ: 9, payload: le(uint32(8), uint64(2), "x", "")},
		{key: "f32s", typ: 9, payload: le(uint32(6), uint64(2), float32(1), float32(2))},
	}}.bytes()
	require.Equal(t, want, out.Bytes())
	require.Equal(t, gguf.TypeFloat64, kv[9].Value.Type())
	require.Equal(t, gguf.TypeArray, kv[12].Value.Type())
	require.Equal(t, gguf.TypeString, kv[12].Value.Elem())
	require.Equal(t, 2, kv[12].Value.Len())
}

func TestWriteRefuses(t *testing.T) {
	one := func(k string, v gguf.Value) []gguf.KV { return []gguf.KV{{Key: k, Value: v}} }
	tensor := func(name string, typ uint32, dims ...uint64) []gguf.TensorInfo {
		return []gguf.TensorInfo{{Name: name, Type: typ, Dims: dims}}
	}
	for _, c := range []struct {
		name    string
		kv      []gguf.KV
		tensors []gguf.TensorInfo
		want    string
	}{
		{"empty key", one("", gguf.Scalar(true)), nil, "key is empty"},
		{"long key", one(strings.Repeat("k", 65537), gguf.Scalar(true)), nil, "65537"},
		{"same key", append(one("a", gguf.Scalar(true)), one("a", gguf.Scalar(false))...), nil, `key "a"`},
		{"no value", one("a", gguf.Value{}), nil, "no value"},
		{"alignment", one("general.alignment", gguf.Scalar(uint32(12))), nil, "is 12"},
		{"alignment type", one("general.alignment", gguf.Scalar(int32(32))), nil, "i32"},
		{"long string", one("a", gguf.Scalar(strings.Repeat("s", 64<<20+1))), nil, "67108865"},
		{"long array", one("a", gguf.Array(make([]uint8, 1<<24+1))), nil, "16777217"},
		{"many entries", make([]gguf.KV, 65537), nil, "65537"},
		{"many tensors", nil, make([]gguf.TensorInfo, 65537), "65537"},
		{"long name", nil, tensor(strings.Repeat("n", 64), 0, 1), "64 bytes"},
		{"no name", nil, tensor("", 0, 1), "0 bytes"},
		{"same name", nil, append(tensor("t", 0, 1), tensor("t", 0, 1)...), `"t"`},
		{"no dimensions", nil, tensor("t", 0), "0 dimensions"},
		{"half a block", nil, tensor("t", 2, 33), "33"},
		{"withdrawn type", nil, tensor("t", 5, 32), "Q4_3"},
		{"sum overflows", nil, append(tensor("s", 24, 1<<61+1<<60), tensor("t", 24, 1<<61)...), `"t"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			err := gguf.Write(&out, c.kv, c.tensors, zeros)
			require.ErrorContains(t, err, c.want)
			require.Zero(t, out.Len(), "nothing is written before the checks")
		})
	}
	short := func(w io.Writer, _ *gguf.TensorInfo) error { _, err := w.Write(make([]byte, 3)); return err }
	err := gguf.Write(io.Discard, nil, tensor("t", 0, 1), short)
	require.ErrorContains(t, err, `"t": 3 bytes were supplied, F32 [1] has 4`)
	failing := func(io.Writer, *gguf.TensorInfo) error { return io.ErrClosedPipe }
	require.ErrorIs(t, gguf.Write(io.Discard, nil, tensor("t", 0, 1), failing), io.ErrClosedPipe)
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "model.gguf")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
	f := parseSample(t)

	broken := errors.New("broken source")
	err := gguf.WriteFile(path, f.KV, f.Tensors, func(io.Writer, *gguf.TensorInfo) error { return broken })
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, path)
	old, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "old", string(old), "a failed write leaves the old file")
	requireFiles(t, dir, 1)

	require.NoError(t, gguf.WriteFile(path, f.KV, f.Tensors, f.WriteData))
	written, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, bytes.Equal(sample().bytes(), written))
	requireFiles(t, dir, 1)
	require.Error(t, gguf.WriteFile(filepath.Join(dir, "absent", "x.gguf"), f.KV, nil, nil))
}

func requireFiles(t *testing.T, dir string, n int) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, n, "temporary files stay behind")
}

func TestConventions(t *testing.T) {
	names := []string{"blk.10.b", "output.weight", "blk.2.z", "blk.x", "blk.2.a", "a", "blk.0.q"}
	var ts []gguf.TensorInfo
	for _, n := range names {
		ts = append(ts, gguf.TensorInfo{Name: n})
	}
	gguf.SortTensors(ts)
	var got []string
	for _, x := range ts {
		got = append(got, x.Name)
	}
	require.Equal(t, []string{"a", "blk.x", "output.weight", "blk.0.q", "blk.2.a", "blk.2.z", "blk.10.b"}, got)

	kv := []gguf.KV{{Key: "a", Value: gguf.Scalar(true)}, {Key: "b", Value: gguf.Scalar(true)}}
	out := gguf.SetKV(kv, "a", gguf.Scalar("new"))
	require.Equal(t, "b", out[0].Key)
	require.Equal(t, "a", out[1].Key)
	require.Equal(t, `"new"`, out[1].Value.String())
	require.Equal(t, "a", kv[0].Key, "the input is left alone")
	require.Len(t, gguf.SetKV(kv, "c", gguf.Scalar(true)), 3)

	require.Equal(t, []uint64{4, 1, 2}, gguf.TrimDims([]uint64{4, 1, 2, 1}))
	require.Equal(t, []uint64{1}, gguf.TrimDims([]uint64{1, 1, 1}))
}
