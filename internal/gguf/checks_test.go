package gguf_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir/internal/gguf"
)

func with(change func(c *craft)) []byte {
	c := sample()
	c.gaps = nil
	change(&c)
	return c.bytes()
}

// withKV is the sample with one entry in place of its metadata.
func withKV(kv ...rawKV) []byte { return with(func(c *craft) { c.kv = kv }) }

// withTensor is the sample with one change to its first tensor.
func withTensor(change func(t *rawTensor)) []byte {
	return with(func(c *craft) { change(&c.tensors[0]) })
}

func array(elem uint32, n uint64, elems ...any) rawKV {
	return rawKV{key: "a", typ: 9, payload: append(le(elem, n), le(elems...)...)}
}

// TestRefused has one crafted file, or more, for each check of the reader. The
// error must wrap the sentinel and contain the words: the object at fault, the
// number found, the limit.
//
//kvasir:long one table of crafted files, a line each
func TestRefused(t *testing.T) {
	const huge = 1 << 63
	long := strings.Repeat("k", 64<<10)
	for _, c := range []struct {
		name string
		data []byte
		err  error
		want []string
	}{
		// 1: magic and version
		{"empty", nil, gguf.ErrNotGGUF, []string{`""`}},
		{"short", []byte("GG"), gguf.ErrNotGGUF, []string{`"GG"`}},
		{"zip", []byte("PK\x03\x04 and more"), gguf.ErrNotGGUF, []string{`PK\x03\x04`}},
		{"only magic", []byte("GGUF"), gguf.ErrTruncated, []string{"version", "4 bytes"}},
		{"version 0", append([]byte("GGUF"), make([]byte, 40)...), gguf.ErrVersion, []string{"version 0"}},
		{"version 1", with(func(c *craft) { c.version = 1 }), gguf.ErrVersion, []string{"version 1"}},
		{"version 4", with(func(c *craft) { c.version = 4 }), gguf.ErrVersion, []string{"version 4"}},
		{"version 65536+3", with(func(c *craft) { c.version = 1<<16 + 3 }), gguf.ErrVersion, []string{"65539"}},
		{"big-endian 2", with(func(c *craft) { c.version = 2 << 24 }), gguf.ErrVersion, []string{"version 2", "big-endian"}},
		{"no counts", le([]byte("GGUF"), uint32(3), uint64(0)), gguf.ErrTruncated, []string{"metadata count"}},

		// 2: counts
		{"kv count beyond file", with(func(c *craft) { c.nKV = ptr(uint64(60000)) }), gguf.ErrTruncated, []string{"60000 metadata"}},
		{"tensor count beyond file", with(func(c *craft) { c.nTensors = ptr(uint64(60000)) }), gguf.ErrTruncated, []string{"60000 tensors"}},
		{"kv count limit", with(func(c *craft) { c.nKV = ptr(uint64(65537)) }), gguf.ErrCorrupt, []string{"65537", "65536"}},
		{"kv count wraps", with(func(c *craft) { c.nKV = ptr(uint64(1<<64 - 1)) }), gguf.ErrCorrupt, []string{"18446744073709551615"}},
		{"tensor count wraps", with(func(c *craft) { c.nTensors = ptr(uint64(1<<64 - 2)) }), gguf.ErrCorrupt, []string{"18446744073709551614"}},
		{"kv count one too high", with(func(c *craft) { c.nKV = ptr(uint64(len(c.kv) + 1)) }), gguf.ErrTruncated, []string{"tensor 0 of 4"}},
		{"tensors do not fit behind kv", craft{nTensors: ptr(uint64(1)), kv: []rawKV{textKV("a", strings.Repeat("b", 100))}}.bytes(),
			gguf.ErrTruncated, []string{"1 tensors", "33 bytes", "0 are left"}},

		// 3: string lengths
		{"key length", withKV(rawKV{key: "a", keyLen: ptr(uint64(huge)), typ: 0, payload: le(uint8(1))}), gguf.ErrTruncated, []string{"entry 0 of 1", "9223372036854775808"}},
		{"key limit", withKV(textKV(long+"k", "")), gguf.ErrCorrupt, []string{"65537", "65536"}},
		{"key at limit", withKV(textKV(long, "")), nil, nil},
		{"value length", withKV(rawKV{key: "a", typ: 8, payload: le(uint64(huge))}), gguf.ErrTruncated, []string{`key "a"`, "9223372036854775808"}},
		{"value length by one", craft{kv: []rawKV{{key: "a", typ: 8, payload: le(uint64(3), []byte("bc"))}}}.bytes(), gguf.ErrTruncated, []string{`key "a"`, "3 bytes", "2 are left"}},
		{"string limit", craft{kv: []rawKV{textKV("a", strings.Repeat("x", 64<<20+1))}}.bytes(), gguf.ErrCorrupt, []string{`key "a"`, "67108865", "67108864"}},

		// 4: names
		{"empty key", withKV(textKV("", strings.Repeat("x", 9))), gguf.ErrCorrupt, []string{"entry 0", "empty"}},
		{"same key twice", withKV(textKV("a", "1"), textKV("b", "2"), textKV("a", "3")), gguf.ErrCorrupt, []string{`key "a"`, "entry 0", "entry 2"}},
		{"empty tensor name", withTensor(func(t *rawTensor) { t.name = "" }), gguf.ErrCorrupt, []string{"tensor 0 of 4", "empty"}},
		{"tensor name of 64", withTensor(func(t *rawTensor) { t.name = strings.Repeat("n", 64) }), gguf.ErrCorrupt, []string{"64", "63"}},
		{"tensor name of 63", withTensor(func(t *rawTensor) { t.name = strings.Repeat("n", 63) }), nil, nil},
		{"tensor name length", withTensor(func(t *rawTensor) { t.nameLen = ptr(uint64(1 << 62)) }), gguf.ErrTruncated, []string{"tensor 0 of 4"}},
		{"same tensor twice", withTensor(func(t *rawTensor) { t.name = "blk.0.conv.weight" }), gguf.ErrCorrupt, []string{"blk.0.conv.weight", "tensor 0", "tensor 3"}},

		// 5: values and arrays
		{"value type 13", withKV(rawKV{key: "a", typ: 13, payload: le(uint64(0))}), gguf.ErrCorrupt, []string{`key "a"`, "type 13", "12"}},
		{"value type wraps a byte", withKV(rawKV{key: "a", typ: 256, payload: le(uint64(0))}), gguf.ErrCorrupt, []string{"type 256"}},
		{"value cut", craft{kv: []rawKV{{key: "ab", typ: 10, payload: le(uint32(0))}}}.bytes(), gguf.ErrTruncated, []string{`key "ab"`, "u64", "8 bytes"}},
		{"array of arrays", withKV(array(9, 1, uint32(0), uint64(0))), gguf.ErrCorrupt, []string{`key "a"`, "array of array"}},
		{"array of type 13", withKV(array(13, 1, uint64(0))), gguf.ErrCorrupt, []string{`key "a"`, "type 13"}},
		{"array of type 264", withKV(array(264, 1, uint64(0))), gguf.ErrCorrupt, []string{`key "a"`}},
		{"array beyond file", withKV(array(5, 1000)), gguf.ErrTruncated, []string{`key "a"`, "1000 i32"}},
		{"array size wraps", withKV(array(10, 1<<61)), gguf.ErrTruncated, []string{`key "a"`, "2305843009213693952 u64"}},
		{"strings beyond file", withKV(array(8, 1<<61)), gguf.ErrTruncated, []string{`key "a"`, "string"}},
		{"string in array", withKV(array(8, 2, "a", uint64(huge))), gguf.ErrTruncated, []string{`key "a"`, "element 1 of 2", "9223372036854775808"}},
		{"array limit", craft{kv: []rawKV{array(0, 1<<24+1, make([]byte, 1<<24+1))}}.bytes(), gguf.ErrCorrupt, []string{"16777217", "16777216"}},

		// 7: alignment
		{"alignment i32", withKV(rawKV{key: "general.alignment", typ: 5, payload: le(int32(32))}), gguf.ErrType, []string{"general.alignment", "i32", "u32"}},
		{"alignment u64", withKV(rawKV{key: "general.alignment", typ: 10, payload: le(uint64(32))}), gguf.ErrType, []string{"u64"}},
		{"alignment 0", withAlignment(0), gguf.ErrCorrupt, []string{"general.alignment", "is 0", "1048576"}},
		{"alignment 24", withAlignment(24), gguf.ErrCorrupt, []string{"is 24"}},
		{"alignment 2^31", withAlignment(1 << 31), gguf.ErrCorrupt, []string{"is 2147483648"}},
		{"alignment 2 MiB", withAlignment(2 << 20), gguf.ErrCorrupt, []string{"is 2097152"}},

		// 8: dimensions
		{"0 dimensions", withTensor(func(t *rawTensor) { t.nDims = ptr(uint32(0)) }), gguf.ErrCorrupt, []string{"token_embd.weight", "0 dimensions", "1 to 4"}},
		{"5 dimensions", withTensor(func(t *rawTensor) { t.dims = []uint64{32, 1, 1, 1, 1} }), gguf.ErrCorrupt, []string{"5 dimensions"}},
		{"2^32-1 dimensions", withTensor(func(t *rawTensor) { t.nDims = ptr(uint32(1<<32 - 1)) }), gguf.ErrCorrupt, []string{"4294967295 dimensions"}},
		{"dimension 0", withTensor(func(t *rawTensor) { t.dims = []uint64{32, 0} }), gguf.ErrCorrupt, []string{"token_embd.weight", "dimension 1", "is 0"}},
		{"product wraps to 0", withTensor(func(t *rawTensor) { t.dims = []uint64{1 << 32, 1 << 32} }), gguf.ErrCorrupt, []string{"4294967296 4294967296"}},
		{"product wraps to 32", withTensor(func(t *rawTensor) { t.dims = []uint64{32, 1<<63 + 1, 1} }), gguf.ErrCorrupt, []string{"9223372036854775809"}},
		{"product above 2^62", withTensor(func(t *rawTensor) { t.dims = []uint64{1 << 31, 1 << 31, 2} }), gguf.ErrCorrupt, []string{"4611686018427387904"}},

		// 9: types and sizes
		{"type 43", withTensor(func(t *rawTensor) { t.typ = 43 }), gguf.ErrCorrupt, []string{"token_embd.weight", "type 43", "42"}},
		{"type Q4_2", withTensor(func(t *rawTensor) { t.typ = 4 }), gguf.ErrCorrupt, []string{"Q4_2", "withdrawn"}},
		{"type Q4_0_8_8", withTensor(func(t *rawTensor) { t.typ = 33 }), gguf.ErrCorrupt, []string{"Q4_0_8_8", "withdrawn"}},
		{"type IQ4_NL_4_4", withTensor(func(t *rawTensor) { t.typ = 36 }), gguf.ErrCorrupt, []string{"IQ4_NL_4_4", "withdrawn"}},
		{"half a block", withTensor(func(t *rawTensor) { t.dims = []uint64{48} }), gguf.ErrCorrupt, []string{"48", "Q4_0", "32"}},
		{"bytes wrap", withTensor(func(t *rawTensor) { t.dims, t.typ = []uint64{1 << 62}, 28 }), gguf.ErrCorrupt, []string{"overflow"}},

		// 10: places
		{"offset not aligned", withTensor(func(t *rawTensor) { t.offset = 16 }), gguf.ErrCorrupt, []string{"token_embd.weight", "offset 16", "32"}},
		{"offset beyond file", withTensor(func(t *rawTensor) { t.offset = 1 << 40 }), gguf.ErrTruncated, []string{"token_embd.weight", "1099511627776"}},
		{"offset wraps", withTensor(func(t *rawTensor) { t.offset = 1<<64 - 32 }), gguf.ErrTruncated, []string{"18446744073709551584"}},
		{"bytes beyond file", withTensor(func(t *rawTensor) { t.dims = []uint64{32, 1000} }), gguf.ErrTruncated, []string{"18000 bytes"}},
		{"one byte missing", with(func(c *craft) { c.dataLen = 192 + 24 - 1 }), gguf.ErrTruncated, []string{"blk.0.conv.weight"}},
		{"last padding missing", with(func(c *craft) { c.dataLen = 192 + 24 }), nil, nil},
		{"overlap", with(func(c *craft) { c.tensors[1].offset = 32 }), gguf.ErrCorrupt, []string{"blk.0.attn_q.weight", "token_embd.weight"}},
		{"same place", with(func(c *craft) { c.tensors[3].offset = 160 }), gguf.ErrCorrupt, []string{"blk.0.conv.weight", "blk.0.attn_norm.weight"}},
		{"gap", with(func(c *craft) { c.tensors[3].offset = 256; c.dataLen = 300 }), nil, nil},
		{"out of order", with(func(c *craft) { c.tensors[0], c.tensors[3] = c.tensors[3], c.tensors[0] }), nil, nil},

		// 11: sums
		{"size near 2^64", withTensor(func(t *rawTensor) { t.dims, t.typ = []uint64{1 << 61, 2}, 26 }), gguf.ErrCorrupt, []string{"overflow"}},
		{"size of 2^64-4", withTensor(func(t *rawTensor) { t.dims, t.typ = []uint64{1<<62 - 1}, 26 }), gguf.ErrTruncated, []string{"18446744073709551612"}},
		{"each fits, the sum wraps", with(func(c *craft) {
			for i := range c.tensors {
				c.tensors[i].dims, c.tensors[i].typ = []uint64{1 << 62}, 0
			}
		}), gguf.ErrCorrupt, []string{"overflow"}},
		{"each fits the file, all do not", with(func(c *craft) {
			for i := range c.tensors {
				c.tensors[i] = rawTensor{name: string(rune('a' + i)), dims: []uint64{200}, typ: 24, offset: uint64(i) * 224}
			}
		}), gguf.ErrTruncated, []string{`"b"`, "200"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parseBoth(t, c.data)
			if c.err == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, c.err)
			for _, w := range c.want {
				require.ErrorContains(t, err, w)
			}
		})
	}
}

func withAlignment(n uint32) []byte {
	return withKV(rawKV{key: "general.alignment", typ: 4, payload: le(n)})
}
