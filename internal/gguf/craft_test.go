package gguf_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir/internal/gguf"
)

// craft builds files byte by byte, so that each field can lie. Its own encoder
// is independent of the package's writer.
type craft struct {
	big      bool
	magic    string
	version  uint32
	nTensors *uint64 // overrides the true count
	nKV      *uint64
	kv       []rawKV
	tensors  []rawTensor
	dataLen  int      // bytes in the data section
	gaps     [][2]int // parts of it, from and to, that are padding
	align    int      // for the padding in front of it; 0: 32
}

type rawKV struct {
	key     string
	keyLen  *uint64
	typ     uint32
	payload []byte
}

type rawTensor struct {
	name    string
	nameLen *uint64
	dims    []uint64
	nDims   *uint32
	typ     uint32
	offset  uint64
}

func ptr[T any](v T) *T { return &v }

type appendOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

func (c craft) order() appendOrder {
	if c.big {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

func or[T any](override *T, v T) T {
	if override != nil {
		return *override
	}
	return v
}

// head returns the file up to the padding.
func (c craft) head() []byte {
	o := c.order()
	b := []byte("GGUF")
	if c.magic != "" {
		b = []byte(c.magic)
	}
	version := c.version
	if version == 0 {
		version = 3
	}
	b = o.AppendUint32(b, version)
	b = o.AppendUint64(b, or(c.nTensors, uint64(len(c.tensors))))
	b = o.AppendUint64(b, or(c.nKV, uint64(len(c.kv))))
	for _, kv := range c.kv {
		b = o.AppendUint64(b, or(kv.keyLen, uint64(len(kv.key))))
		b = append(b, kv.key...)
		b = o.AppendUint32(b, kv.typ)
		b = append(b, kv.payload...)
	}
	for _, t := range c.tensors {
		b = o.AppendUint64(b, or(t.nameLen, uint64(len(t.name))))
		b = append(b, t.name...)
		b = o.AppendUint32(b, or(t.nDims, uint32(len(t.dims))))
		for _, d := range t.dims {
			b = o.AppendUint64(b, d)
		}
		b = o.AppendUint32(b, t.typ)
		b = o.AppendUint64(b, t.offset)
	}
	return b
}

// bytes returns the whole file; the data section counts 0, 1, 2, … outside gaps.
func (c craft) bytes() []byte {
	b := c.head()
	align := c.align
	if align == 0 {
		align = 32
	}
	for len(c.tensors)+c.dataLen > 0 && len(b)%align != 0 {
		b = append(b, 0)
	}
	for i := range c.dataLen {
		b = append(b, byte(i))
	}
	for _, g := range c.gaps {
		clear(b[len(b)-c.dataLen:][g[0]:g[1]])
	}
	return b
}

// Payloads.

func le(vs ...any) []byte { return encode(binary.LittleEndian, vs...) }
func be(vs ...any) []byte { return encode(binary.BigEndian, vs...) }

// encode appends numbers as they are and strings with a u64 length.
func encode(o appendOrder, vs ...any) []byte {
	var b []byte
	for _, v := range vs {
		if s, ok := v.(string); ok {
			b = append(o.AppendUint64(b, uint64(len(s))), s...)
			continue
		}
		var err error
		if b, err = binary.Append(b, o, v); err != nil {
			panic(fmt.Sprintf("%T: %v", v, err))
		}
	}
	return b
}

func str(s string) []byte { return le(s) }

func textKV(key, s string) rawKV { return rawKV{key: key, typ: 8, payload: str(s)} }

// sample is a valid file with every kind of value and four tensors.
func sample() craft {
	return craft{
		kv: []rawKV{
			textKV("general.architecture", "test"),
			{key: "u8", typ: 0, payload: le(uint8(200))},
			{key: "i8", typ: 1, payload: le(int8(-3))},
			{key: "u16", typ: 2, payload: le(uint16(60000))},
			{key: "i16", typ: 3, payload: le(int16(-300))},
			{key: "u32", typ: 4, payload: le(uint32(4e9))},
			{key: "i32", typ: 5, payload: le(int32(-70000))},
			{key: "f32", typ: 6, payload: le(float32(1e-5))},
			{key: "true", typ: 7, payload: le(uint8(1))},
			{key: "false", typ: 7, payload: le(uint8(0))},
			{key: "u64", typ: 10, payload: le(uint64(1 << 63))},
			{key: "i64", typ: 11, payload: le(int64(-1 << 63))},
			{key: "f64", typ: 12, payload: le(float64(0.1))},
			{key: "empty", typ: 8, payload: str("")},
			{key: "strings", typ: 9, payload: le(uint32(8), uint64(3), "a", "", "longer")},
			{key: "f32s", typ: 9, payload: le(uint32(6), uint64(2), float32(1.5), float32(-2))},
			{key: "i32s", typ: 9, payload: le(uint32(5), uint64(3), int32(1), int32(-2), int32(3))},
			{key: "u8s", typ: 9, payload: le(uint32(0), uint64(4), uint8(1), uint8(2), uint8(0), uint8(255))},
			{key: "bools", typ: 9, payload: le(uint32(7), uint64(2), uint8(1), uint8(0))},
			{key: "none", typ: 9, payload: le(uint32(8), uint64(0))},
		},
		tensors: []rawTensor{
			{name: "token_embd.weight", dims: []uint64{32, 3}, typ: 2, offset: 0},        // Q4_0: 54 bytes
			{name: "blk.0.attn_q.weight", dims: []uint64{32, 2}, typ: 8, offset: 64},     // Q8_0: 68
			{name: "blk.0.attn_norm.weight", dims: []uint64{5}, typ: 0, offset: 160},     // F32: 20
			{name: "blk.0.conv.weight", dims: []uint64{2, 3, 1, 2}, typ: 1, offset: 192}, // F16: 24
		},
		dataLen: 224,
		gaps:    [][2]int{{54, 64}, {132, 160}, {180, 192}, {216, 224}},
	}
}

// parseBoth parses from memory and from a reader and requires the same outcome.
func parseBoth(t testing.TB, data []byte) (*gguf.File, error) {
	t.Helper()
	f, err := gguf.ParseBytes(data)
	g, err2 := gguf.Parse(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		require.EqualError(t, err2, err.Error(), "from a reader")
		require.Nil(t, f)
		require.Nil(t, g)
		return nil, err
	}
	require.NoError(t, err2, "from a reader")
	require.Equal(t, f.KV, g.KV)
	require.Equal(t, f.Tensors, g.Tensors)
	require.Equal(t, f.Alignment, g.Alignment)
	return f, nil
}

func rewrite(t testing.TB, f *gguf.File) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, gguf.Write(&out, f.KV, f.Tensors, f.WriteData))
	return out.Bytes()
}

// zeros is a data function that writes as many zero bytes as a tensor has.
func zeros(w io.Writer, t *gguf.TensorInfo) error {
	values, size, _ := gguf.TypeSize(t.Type)
	_, err := w.Write(make([]byte, int(t.Elements())/values*size))
	return err
}
