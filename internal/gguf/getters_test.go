package gguf_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir/internal/gguf"
)

func parseSample(t testing.TB) *gguf.File {
	t.Helper()
	f, err := parseBoth(t, sample().bytes())
	require.NoError(t, err)
	return f
}

func TestSample(t *testing.T) {
	f := parseSample(t)
	require.EqualValues(t, 3, f.Version)
	require.EqualValues(t, 32, f.Alignment)
	require.Equal(t, "LittleEndian", f.ByteOrder.String())
	require.Equal(t, "general.architecture", f.KV[0].Key, "entries keep the order of the file")
	require.Len(t, f.KV, 20)

	base := (int64(len(sample().head())) + 31) / 32 * 32
	require.Equal(t, []gguf.TensorInfo{
		{Name: "token_embd.weight", Dims: []uint64{32, 3}, Type: 2, Offset: base, Size: 54},
		{Name: "blk.0.attn_q.weight", Dims: []uint64{32, 2}, Type: 8, Offset: base + 64, Size: 68},
		{Name: "blk.0.attn_norm.weight", Dims: []uint64{5}, Type: 0, Offset: base + 160, Size: 20},
		{Name: "blk.0.conv.weight", Dims: []uint64{2, 3, 1, 2}, Type: 1, Offset: base + 192, Size: 24},
	}, f.Tensors)

	q, ok := f.Tensor("blk.0.attn_q.weight")
	require.True(t, ok)
	require.Same(t, &f.Tensors[1], q)
	data := f.Data(q)
	require.Len(t, data, 68)
	require.Equal(t, 68, cap(data), "no way into the next tensor")
	require.EqualValues(t, 64, data[0])
	require.EqualValues(t, 64, q.Elements())
	require.EqualValues(t, 2, q.Dim(1))
	require.EqualValues(t, 1, q.Dim(2))
	_, ok = f.Tensor("blk.0.attn_q")
	require.False(t, ok)
}

// TestGetters asks every getter for every key of the sample: those not listed
// must refuse it with ErrType.
func TestGetters(t *testing.T) {
	f := parseSample(t)
	getters := map[string]func(key string) (any, error){
		"String":   func(k string) (any, error) { return f.String(k) },
		"Bool":     func(k string) (any, error) { return f.Bool(k) },
		"Uint":     func(k string) (any, error) { return f.Uint(k) },
		"Int":      func(k string) (any, error) { return f.Int(k) },
		"Float32":  func(k string) (any, error) { return f.Float32(k) },
		"Bytes":    func(k string) (any, error) { return f.Bytes(k) },
		"Float32s": func(k string) (any, error) { return f.Float32s(k) },
		"Int32s":   func(k string) (any, error) { return f.Int32s(k) },
		"Bools":    func(k string) (any, error) { return f.Bools(k) },
		"Strings": func(k string) (any, error) {
			a, err := f.Strings(k)
			all := []string{}
			for i := range a.Len() {
				all = append(all, string(a.At(i)))
			}
			return all, err
		},
	}
	type results map[string]any
	want := map[string]results{
		"general.architecture": {"String": "test"},
		"u8":                   {"Uint": uint64(200), "Int": int64(200)},
		"i8":                   {"Int": int64(-3)},
		"u16":                  {"Uint": uint64(60000), "Int": int64(60000)},
		"i16":                  {"Int": int64(-300)},
		"u32":                  {"Uint": uint64(4e9), "Int": int64(4e9)},
		"i32":                  {"Int": int64(-70000)},
		"f32":                  {"Float32": float32(1e-5)},
		"true":                 {"Bool": true},
		"false":                {"Bool": false},
		"u64":                  {"Uint": uint64(1 << 63)},
		"i64":                  {"Int": int64(math.MinInt64)},
		"f64":                  {"Float32": float32(0.1)},
		"empty":                {"String": ""},
		"strings":              {"Strings": []string{"a", "", "longer"}},
		"f32s":                 {"Float32s": []float32{1.5, -2}},
		"i32s":                 {"Int32s": []int32{1, -2, 3}},
		"u8s":                  {"Int32s": []int32{1, 2, 0, 255}, "Bytes": []byte{1, 2, 0, 255}},
		"bools":                {"Bools": []bool{true, false}},
		"none":                 {"Strings": []string{}},
	}
	require.Len(t, want, len(f.KV))
	for key, res := range want {
		require.True(t, f.Has(key))
		for name, get := range getters {
			got, err := get(key)
			if w, ok := res[name]; ok {
				require.NoError(t, err, "%s(%q)", name, key)
				require.Equal(t, w, got, "%s(%q)", name, key)
				continue
			}
			require.ErrorIs(t, err, gguf.ErrType, "%s(%q) = %v", name, key, got)
			require.NotErrorIs(t, err, gguf.ErrMissing)
			require.ErrorContains(t, err, `"`+key+`"`)
		}
	}
	for name, get := range getters {
		_, err := get("absent")
		require.ErrorIs(t, err, gguf.ErrMissing, name)
		require.ErrorContains(t, err, `"absent"`, name)
	}
	require.False(t, f.Has("absent"))
}

func TestGetterRanges(t *testing.T) {
	f, err := parseBoth(t, craft{kv: []rawKV{
		{key: "u32s", typ: 9, payload: le(uint32(4), uint64(2), uint32(7), uint32(1<<31))},
		{key: "u32s ok", typ: 9, payload: le(uint32(4), uint64(2), uint32(7), uint32(1<<31-1))},
		{key: "i64s", typ: 9, payload: le(uint32(11), uint64(1), int64(-1<<31-1))},
		{key: "i64s ok", typ: 9, payload: le(uint32(11), uint64(1), int64(-1<<31))},
		{key: "f64 large", typ: 12, payload: le(1e300)},
		{key: "f64 small", typ: 12, payload: le(1e-300)},
		{key: "f64 inf", typ: 12, payload: le(math.Inf(-1))},
		{key: "f64s", typ: 9, payload: le(uint32(12), uint64(2), 0.5, -1e39)},
		{key: "true", typ: 7, payload: le(uint8(255))},
	}}.bytes())
	require.NoError(t, err)

	_, err = f.Int32s("u32s")
	require.ErrorIs(t, err, gguf.ErrType)
	require.ErrorContains(t, err, "element 1: is 2147483648, limit 2147483647")
	ints, err := f.Int32s("u32s ok")
	require.NoError(t, err)
	require.Equal(t, []int32{7, math.MaxInt32}, ints)
	_, err = f.Int32s("i64s")
	require.ErrorContains(t, err, "element 0: is -2147483649, limit -2147483648")
	ints, err = f.Int32s("i64s ok")
	require.NoError(t, err)
	require.Equal(t, []int32{math.MinInt32}, ints)

	for _, key := range []string{"f64 large", "f64 small"} {
		_, err = f.Float32(key)
		require.ErrorIs(t, err, gguf.ErrType)
		require.ErrorContains(t, err, "beyond the range of f32")
	}
	inf, err := f.Float32("f64 inf")
	require.NoError(t, err)
	require.True(t, math.IsInf(float64(inf), -1))
	_, err = f.Float32s("f64s")
	require.ErrorContains(t, err, "element 1")
	yes, err := f.Bool("true")
	require.NoError(t, err)
	require.True(t, yes, "any byte but 0 is true")
}

func TestExpect(t *testing.T) {
	f := parseSample(t)
	for _, dims := range [][]uint64{{5}, {5, 1}, {5, 1, 1, 1}} {
		tensor, err := f.Expect("blk.0.attn_norm.weight", dims...)
		require.NoError(t, err)
		require.Equal(t, "blk.0.attn_norm.weight", tensor.Name)
	}
	for _, dims := range [][]uint64{nil, {4}, {5, 2}, {5, 1, 1, 2}, {1, 5}} {
		_, err := f.Expect("blk.0.attn_norm.weight", dims...)
		require.ErrorIs(t, err, gguf.ErrShape, "%d", dims)
		require.ErrorContains(t, err, "blk.0.attn_norm.weight")
	}
	_, err := f.Expect("blk.0.conv.weight", 2, 3)
	require.ErrorIs(t, err, gguf.ErrShape, "a prefix of the dimensions is not enough")
	_, err = f.Expect("output.weight", 5)
	require.ErrorIs(t, err, gguf.ErrMissing)
	require.ErrorContains(t, err, "output.weight")
}

func TestTypeTable(t *testing.T) {
	for _, c := range []struct {
		id            uint32
		name          string
		values, bytes int
	}{
		{0, "F32", 1, 4}, {1, "F16", 1, 2}, {2, "Q4_0", 32, 18}, {3, "Q4_1", 32, 20}, {6, "Q5_0", 32, 22},
		{8, "Q8_0", 32, 34}, {12, "Q4_K", 256, 144}, {14, "Q6_K", 256, 210}, {20, "IQ4_NL", 32, 18},
		{23, "IQ4_XS", 256, 136}, {30, "BF16", 1, 2}, {34, "TQ1_0", 256, 54}, {39, "MXFP4", 32, 17}, {42, "Q2_0", 64, 18},
	} {
		values, size, ok := gguf.TypeSize(c.id)
		require.True(t, ok, c.name)
		require.Equal(t, c.values, values, c.name)
		require.Equal(t, c.bytes, size, c.name)
		require.Equal(t, c.name, gguf.TypeName(c.id))
	}
	known := 0
	for id := range uint32(64) {
		if _, _, ok := gguf.TypeSize(id); ok {
			known++
		}
		require.NotEmpty(t, gguf.TypeName(id))
	}
	require.Equal(t, 43-8, known)
	require.Equal(t, "type 4294967295", gguf.TypeName(math.MaxUint32))
}

// TestBigEndian reads metadata of the other byte order and refuses tensor data.
func TestBigEndian(t *testing.T) {
	c := craft{big: true, dataLen: 64, kv: []rawKV{
		{key: "u16", typ: 2, payload: be(uint16(258))},
		{key: "text", typ: 8, payload: be("hello")},
		{key: "strings", typ: 9, payload: be(uint32(8), uint64(2), "ab", "c")},
		{key: "f32s", typ: 9, payload: be(uint32(6), uint64(1), float32(0.75))},
	}, tensors: []rawTensor{{name: "t", dims: []uint64{4, 2}, typ: 0}}}
	f, err := parseBoth(t, c.bytes())
	require.NoError(t, err)
	require.Equal(t, "BigEndian", f.ByteOrder.String())
	n, err := f.Uint("u16")
	require.NoError(t, err)
	require.EqualValues(t, 258, n)
	s, err := f.Strings("strings")
	require.NoError(t, err)
	require.Equal(t, "ab", string(s.At(0)))
	require.Equal(t, "c", string(s.At(1)))
	fs, err := f.Float32s("f32s")
	require.NoError(t, err)
	require.Equal(t, []float32{0.75}, fs)
	require.Equal(t, []uint64{4, 2}, f.Tensors[0].Dims)

	require.Nil(t, f.Data(&f.Tensors[0]))
	require.ErrorIs(t, f.DataErr(), gguf.ErrByteOrder)
	var out strings.Builder
	require.ErrorIs(t, f.WriteData(&out, &f.Tensors[0]), gguf.ErrByteOrder)
	require.ErrorIs(t, gguf.Write(&out, f.KV, nil, nil), gguf.ErrByteOrder)
}

func TestVersion2AndNoTensors(t *testing.T) {
	f, err := parseBoth(t, with(func(c *craft) { c.version = 2 }))
	require.NoError(t, err)
	require.EqualValues(t, 2, f.Version)
	require.Len(t, f.Tensors, 4)

	vocab := craft{kv: []rawKV{textKV("tokenizer.ggml.model", "llama")}}.bytes()
	f, err = parseBoth(t, vocab)
	require.NoError(t, err)
	require.Empty(t, f.Tensors)
	require.Equal(t, vocab, rewrite(t, f))
	f, err = parseBoth(t, craft{}.bytes())
	require.NoError(t, err)
	require.Empty(t, f.KV)
}

func TestValueString(t *testing.T) {
	for _, c := range []struct {
		v    gguf.Value
		want string
	}{
		{gguf.Scalar(int8(-5)), "-5"},
		{gguf.Scalar(uint64(math.MaxUint64)), "18446744073709551615"},
		{gguf.Scalar(float32(0.5)), "0.5"},
		{gguf.Scalar(true), "true"},
		{gguf.Scalar("line\n\x1b[31m"), `"line\n\x1b[31m"`},
		{gguf.Array([]string{"a", "b"}), `[2]string{"a", "b"}`},
		{gguf.Array([]int32{1, 2, 3, 4, 5, 6, 7}), "[7]i32{1, 2, 3, 4, 5, 6, …}"},
		{gguf.Array([]bool{}), "[0]bool{}"},
		{gguf.Value{}, "no value"},
	} {
		require.Equal(t, c.want, c.v.String())
	}
	long := gguf.Scalar(strings.Repeat("é", 500)).String()
	require.Less(t, len(long), 400)
	require.Contains(t, long, "1000 bytes")
}
