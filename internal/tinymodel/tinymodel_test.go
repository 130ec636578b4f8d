package tinymodel_test

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir/internal/gguf"
	"kvasir/internal/tinymodel"
	"kvasir/internal/tokenizer"
	"kvasir/quant"
)

// Every variant is a valid file of moderate size, and the same one each time.
func TestVariants(t *testing.T) {
	for _, name := range tinymodel.VariantNames() {
		t.Run(name, func(t *testing.T) {
			m, err := tinymodel.New(tinymodel.Variants[name])
			require.NoError(t, err)
			data, err := m.Bytes()
			require.NoError(t, err)
			require.Less(t, len(data), 720<<10)
			_, err = gguf.ParseBytes(data)
			require.NoError(t, err)

			path := filepath.Join(t.TempDir(), "m.gguf")
			require.NoError(t, tinymodel.Write(path, tinymodel.Variants[name]))
			again, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, data, again)
		})
	}
}

// A change of the generator makes all stored results worthless: it must not
// happen unnoticed.
func TestSameFileEverywhere(t *testing.T) {
	m, err := tinymodel.New(tinymodel.Spec{Arch: "llama"})
	require.NoError(t, err)
	data, err := m.Bytes()
	require.NoError(t, err)
	sum := sha256.Sum256(data)
	require.Equal(t, "daebdb2e319fd913", hex.EncodeToString(sum[:8]))
}

// Blocks of every format hold values of the size asked for.
func TestFormats(t *testing.T) {
	for typ, f := range quant.Formats {
		t.Run(f.Name, func(t *testing.T) {
			s := tinymodel.Spec{Arch: "llama", Wide: true, Type: typ}
			m, err := tinymodel.New(s)
			require.NoError(t, err)
			s.Decoded = true
			d, err := tinymodel.New(s)
			require.NoError(t, err)
			const name = "blk.1.ffn_up.weight"
			coded, plain := m.Tensor(name), d.Tensor(name)
			require.Equal(t, typ, coded.Type)
			require.Equal(t, quant.F32, plain.Type)
			require.Equal(t, coded.Dims, plain.Dims)

			x, y := make([]float32, coded.Dims[0]*coded.Dims[1]), make([]float32, plain.Dims[0]*plain.Dims[1])
			f.Decode(x, coded.Data)
			quant.Formats[quant.F32].Decode(y, plain.Data)
			require.Equal(t, x, y)
			sum, sum2 := 0.0, 0.0
			for _, v := range x {
				sum += float64(v)
				sum2 += float64(v) * float64(v)
			}
			n := float64(len(x))
			require.InDelta(t, 0.05, math.Sqrt(sum2/n), 0.02)
			require.InDelta(t, 0, sum/n, 0.02)
		})
	}
}

func TestUnknown(t *testing.T) {
	_, err := tinymodel.New(tinymodel.Spec{Arch: "none"})
	require.ErrorContains(t, err, `"none"`)
	_, err = tinymodel.New(tinymodel.Spec{Arch: "llama", Type: quant.Q4_K})
	require.ErrorContains(t, err, "Q4_K row of 64 values")
	_, err = tinymodel.New(tinymodel.Spec{Arch: "llama", Wide: true, Type: 9})
	require.ErrorContains(t, err, "Q8_1")
}

func TestVocabulary(t *testing.T) {
	m, err := tinymodel.New(tinymodel.Spec{Arch: "qwen2", Text: true})
	require.NoError(t, err)
	data, err := m.Bytes()
	require.NoError(t, err)
	f, err := gguf.ParseBytes(data)
	require.NoError(t, err)
	tok, err := tokenizer.New(f)
	require.NoError(t, err)
	require.Empty(t, tok.Warnings())
	require.Equal(t, len(tinymodel.Tokens()), tok.Size())
	const text = "hello world\n\x00ü<|im_end|>"
	ids := tok.Encode(nil, text, tokenizer.Options{ParseSpecial: true})
	require.Equal(t, text, tok.Decode(ids, tokenizer.DecodeOptions{Special: true}))
	require.Len(t, ids, 2+1+1+2+1)
	require.True(t, tok.IsEOG(ids[len(ids)-1]))
}

func TestEdits(t *testing.T) {
	m, err := tinymodel.New(tinymodel.Spec{Arch: "llama"})
	require.NoError(t, err)
	m.Set("block_count", gguf.Scalar(uint32(9)))
	m.Remove("vocab_size")
	m.Drop("output_norm.weight")
	w := m.Tensor("blk.0.attn_q.weight")
	require.NoError(t, w.Resize(65, 2))
	require.Len(t, w.Data, 4*65*2)
	m.Tensor("blk.0.attn_norm.weight").Fill(2)
	data, err := m.Bytes()
	require.NoError(t, err)
	f, err := gguf.ParseBytes(data)
	require.NoError(t, err)
	n, err := f.Uint("llama.block_count")
	require.NoError(t, err)
	require.EqualValues(t, 9, n)
	_, err = f.Uint("llama.vocab_size")
	require.ErrorIs(t, err, gguf.ErrMissing)
	_, ok := f.Tensor("output_norm.weight")
	require.False(t, ok)
	x, ok := f.Tensor("blk.0.attn_norm.weight")
	require.True(t, ok)
	require.Equal(t, []byte{0, 0, 0, 0x40}, f.Data(x)[:4])
}
