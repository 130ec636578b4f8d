package synth

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir"
	"kvasir/internal/gguf"
	"kvasir/quant"
)

func TestParseShape(t *testing.T) {
	tiny := Shapes["tiny"]
	changed := tiny
	changed.Layers, changed.Vocab, changed.Tied = 3, 700, false
	for text, want := range map[string]Shape{
		"tiny":                                tiny,
		"TINY":                                tiny,
		"tiny:layers=3,vocab=700,tied=false":  changed,
		"1b:layers=16":                        Shapes["1b"],
		"tiny:kv-heads=1,heads=2,head-dim=32": {Layers: 2, Embed: 256, FFN: 512, Heads: 2, KVHeads: 1, HeadDim: 32, Vocab: 512, Context: 4096, Tied: true},
	} {
		got, err := ParseShape(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for text, problem := range map[string]string{
		"":                    "use one of tiny, 135m, 1b, 3b, 8b",
		"2b":                  `shape "2b"`,
		"tiny:":               "unknown key",
		"tiny:depth=3":        `unknown key "depth": use ctx, embed`,
		"tiny:layers=x":       `layers is "x"`,
		"tiny:layers":         `layers is ""`,
		"tiny:layers=0":       "layers is 0",
		"tiny:ctx=-1":         "ctx is -1",
		"tiny:tied=perhaps":   "tied is",
		"tiny:kv-heads=3":     "4 heads are no multiple of 3",
		"tiny:embed=250":      "multiples of 32",
		"tiny:ffn=16":         "multiples of 32",
		"tiny:head-dim=31":    "head-dim is 31",
		"tiny:vocab=258":      "vocab is 258",
		"tiny:vocab=99999999": "vocab is 99999999",
	} {
		_, err := ParseShape(text)
		require.ErrorContains(t, err, problem, text)
	}
}

func FuzzParseShape(f *testing.F) {
	for _, s := range []string{"tiny", "1b:layers=4,vocab=32000", "tiny:tied=false", "tiny:,=", "8b:heads=0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseShape(text)
		if err == nil {
			require.NoError(t, s.validate())
			require.Positive(t, s.Parameters())
		}
	})
}

// What llama.cpp's quantizer made of a model of 18 layers and 640 columns, and what
// its rules say of the 16 layers of the 1B shape.
func TestMixtures(t *testing.T) {
	q4km, err := LookupMixture("q4_k_m")
	require.NoError(t, err)
	for layer := range 18 {
		more := bytes.IndexByte([]byte{0, 1, 4, 7, 10, 13, 15, 16, 17}, byte(layer)) >= 0
		v := q4km.matrix(place{kind: "attn_v", layer: layer, layers: 18}, 640)
		down := q4km.matrix(place{kind: "ffn_down", layer: layer, layers: 18}, 2048)
		if more {
			require.Equal(t, []quant.Type{quant.Q8_0, quant.Q6_K}, []quant.Type{v, down}, "layer %d", layer)
		} else {
			require.Equal(t, []quant.Type{quant.Q5_0, quant.Q4_K}, []quant.Type{v, down}, "layer %d", layer)
		}
		require.Equal(t, quant.Q5_0, q4km.matrix(place{kind: "attn_q", layer: layer, layers: 18}, 640))
	}
	require.Equal(t, quant.Q8_0, q4km.output(640))

	for _, tc := range []struct {
		name              string
		output, embedding quant.Type
		v, out, down, q   string // formats of layers 0, 1, 2, 3, 5, 15 by a letter
	}{
		{"Q4_0", quant.Q6_K, quant.Q4_0, "000000", "000000", "000000", "000000"},
		{"Q8_0", quant.Q8_0, quant.Q8_0, "888888", "888888", "888888", "888888"},
		{"BF16", quant.BF16, quant.BF16, "bbbbbb", "bbbbbb", "bbbbbb", "bbbbbb"},
		{"Q4_K_M", quant.Q6_K, quant.Q4_K, "FFDDDF", "DDDDDD", "FFDDDF", "DDDDDD"},
		{"Q4_K_S", quant.Q6_K, quant.Q4_K, "EEEEDD", "DDDDDD", "EEDDDD", "DDDDDD"},
		{"Q5_K_M", quant.Q6_K, quant.Q5_K, "FFEEEF", "EEEEEE", "FFEEEF", "EEEEEE"},
		{"Q3_K_M", quant.Q6_K, quant.Q3_K, "EEDDDD", "DDDDDD", "EDDDDD", "CCCCCC"},
		{"Q3_K_L", quant.Q6_K, quant.Q3_K, "EEEEEE", "EEEEEE", "EEEEEE", "CCCCCC"},
		{"Q2_K", quant.Q6_K, quant.Q2_K, "DDDDDD", "CCCCCC", "CCCCCC", "BBBBBB"},
		{"TQ1_0", quant.Q6_K, quant.Q4_K, "tttttt", "tttttt", "tttttt", "tttttt"},
		{"IQ4_XS", quant.Q6_K, quant.IQ4_XS, "EEEEEE", "iiiiii", "EEiiii", "iiiiii"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m, err := LookupMixture(tc.name)
			require.NoError(t, err)
			require.Equal(t, tc.output, m.output(2048))
			require.Equal(t, tc.embedding, m.embedding(2048))
			letters := map[quant.Type]string{
				quant.Q4_0: "0", quant.Q8_0: "8", quant.BF16: "b", quant.TQ1_0: "t", quant.IQ4_XS: "i",
				quant.Q2_K: "B", quant.Q3_K: "C", quant.Q4_K: "D", quant.Q5_K: "E", quant.Q6_K: "F",
			}
			for kind, want := range map[string]string{"attn_v": tc.v, "attn_output": tc.out, "ffn_down": tc.down, "attn_q": tc.q} {
				got := ""
				for _, layer := range []int{0, 1, 2, 3, 5, 15} {
					got += letters[m.matrix(place{kind: kind, layer: layer, layers: 16, gqa: 4}, 2048)]
				}
				require.Equal(t, want, got, kind)
			}
		})
	}
	_, err = LookupMixture("Q9")
	require.ErrorContains(t, err, "use one of BF16, F16, F32, IQ4_NL")
}

// Values of every format are finite, centred, and of the deviation asked for.
func TestFill(t *testing.T) {
	for ty, format := range quant.Formats {
		t.Run(format.Name, func(t *testing.T) {
			const deviation = 0.02
			f, err := newFiller(ty, deviation)
			require.NoError(t, err)
			n := 1 << 16 / format.BlockValues
			b, x := make([]byte, n*format.BlockBytes), make([]float32, n*format.BlockValues)
			f.fill(newSource(1, "x", 0), b)
			format.Decode(x, b)
			var sum, square float64
			for _, v := range x {
				sum += float64(v)
				square += float64(v) * float64(v)
			}
			sd, mean := math.Sqrt(square/float64(len(x))), sum/float64(len(x))
			require.InEpsilon(t, deviation, sd, 0.45, "deviation") // MXFP4 scales are powers of two
			if ty != quant.MXFP4 {
				require.InEpsilon(t, deviation, sd, 0.08, "deviation")
			}
			require.Less(t, math.Abs(mean), deviation/10, "mean")

			again := make([]byte, len(b))
			f.fill(newSource(1, "x", 0), again)
			require.Equal(t, b, again)
			f.fill(newSource(1, "x", 1), again)
			require.NotEqual(t, b, again)
		})
	}
	_, err := newFiller(quant.Type(9), 1)
	require.ErrorIs(t, err, quant.ErrUnsupportedType)
}

// Every kind of file loads, runs, and gives finite logits that differ by token.
func TestWriteFileRuns(t *testing.T) {
	for name := range Mixtures {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "m.gguf")
			shape := Shapes["tiny"]
			shape.Tied = name != "Q4_K_M"
			spec := Spec{Shape: shape, Type: name}
			info, err := WriteFile(path, spec)
			require.NoError(t, err)
			require.Equal(t, shape.Parameters(), info.Parameters)
			planned, err := Plan(spec)
			require.NoError(t, err)
			require.Equal(t, planned, info)

			file, err := kvasir.Inspect(path)
			require.NoError(t, err)
			require.Equal(t, info, Info{len(file.Tensors), int64(file.Parameters), file.TensorBytes})
			eng, err := kvasir.Open(path, kvasir.Options{Context: 64, Threads: 1})
			require.NoError(t, err)
			defer eng.Close()
			require.Equal(t, []int32{510, 0x61}, eng.Tokenizer().Encode("a", kvasir.EncodeOptions{AddSpecial: true})[:2])
			require.Equal(t, []int32{256}, eng.Tokenizer().Encode("th", kvasir.EncodeOptions{}))
			s, err := eng.NewSession()
			require.NoError(t, err)
			defer s.Close()
			best := map[int]bool{}
			err = s.Logits(context.Background(), []int32{510, 1, 2, 3, 400, 17, 99}, func(_ int, logits []float32) error {
				top := 0
				for i, v := range logits {
					require.False(t, math.IsNaN(float64(v)) || math.IsInf(float64(v), 0))
					if v > logits[top] {
						top = i
					}
				}
				best[top] = true
				require.Less(t, logits[top], float32(100))
				require.Greater(t, logits[top], float32(0.1))
				return nil
			})
			require.NoError(t, err)
			require.Greater(t, len(best), 2)
		})
	}
}

// The number of processors changes nothing, nor does a shape that is no multiple of
// what is made at a time; the seed changes everything.
func TestWriteFileSame(t *testing.T) {
	shape, err := ParseShape("tiny:layers=1,vocab=6000,ctx=100")
	require.NoError(t, err)
	write := func(procs int, seed uint64) []byte {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		path := filepath.Join(t.TempDir(), "m.gguf")
		_, err := WriteFile(path, Spec{Shape: shape, Type: "q6_k", Seed: seed, Name: "x"})
		require.NoError(t, err)
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		return b
	}
	one := write(1, 5)
	require.Equal(t, one, write(3, 5))
	require.NotEqual(t, one, write(3, 6))
	f, err := gguf.ParseBytes(one)
	require.NoError(t, err)
	name, err := f.String("general.name")
	require.NoError(t, err)
	require.Equal(t, "x", name)
}

func TestWriteFileErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.gguf")
	_, err := WriteFile(path, Spec{Shape: Shapes["tiny"], Type: "Q9"})
	require.ErrorContains(t, err, `type "Q9"`)
	_, err = WriteFile(path, Spec{Type: "F16"})
	require.ErrorContains(t, err, "ctx is 0")
	_, err = os.Stat(path)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func BenchmarkFill(b *testing.B) {
	for _, ty := range []quant.Type{quant.Q4_K, quant.Q8_0, quant.BF16} {
		b.Run(ty.String(), func(b *testing.B) {
			f, err := newFiller(ty, 0.02)
			require.NoError(b, err)
			buf := make([]byte, 1<<20/f.format.BlockBytes*f.format.BlockBytes)
			s := newSource(1, "", 0)
			b.SetBytes(int64(len(buf)))
			for b.Loop() {
				f.fill(s, buf)
			}
		})
	}
}
