package model_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir/internal/golden"
	"kvasir/internal/tinymodel"
	"kvasir/kvcache"
	"kvasir/model"
)

// Reference results come from llama.cpp, on the CPU, with an f32 cache and no
// flash attention. testdata/reference.sh makes them anew:
//
//  1. TestReference -update with KVASIR_REFERENCE=DIR writes the models to DIR.
//  2. The script runs the reference program on each of them.
//  3. TestReference -update reads its output from DIR and keeps an extract.
const referenceDir = "KVASIR_REFERENCE"

// A text is longer than the context that scaled rotations come from, than all
// windows, and than a block of the cache.
const (
	referenceTokens = 96
	referenceEvery  = 4 // every fourth position is kept
	referenceTop    = 4 // with its most likely tokens
)

// reference is the extract: JSON with a position on each line.
type reference struct {
	SHA256    string     `json:"sha256"` // of the model file
	MeanNLL   float64    `json:"mean_nll"`
	Positions []position `json:"positions"`
}

type position struct {
	Pos int          `json:"pos"`
	Top [][2]float64 `json:"top"` // id, log-probability
}

// tolerance is how far a log-probability may be off. All architectures but those
// with GELU are within 3e-5; the reference takes GELU from a table of half floats.
func tolerance(a *model.Arch) float64 {
	if a.FFN == model.FFNGELU {
		return 5e-3
	}
	return 2e-4
}

func TestReference(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range tinymodel.VariantNames() {
		spec := tinymodel.Variants[name]
		seen[spec.Arch] = true
		t.Run(name, func(t *testing.T) {
			path := writeTiny(t, spec)
			sum := fileSum(t, path)
			file := filepath.Join("testdata", "reference", name+".json")
			if golden.Update() {
				updateReference(t, name, path, sum, file)
				return
			}
			var want reference
			golden.Load(t, file, &want)
			require.Equal(t, want.SHA256, sum, "the model is not the one that the reference was run on: see testdata/reference.sh")
			r := open(t, path, setup{kv: kvcache.F32})
			ids := tinymodel.IDs(referenceTokens, r.model.Config().VocabSize)
			compareReference(t, &want, r.logits(t, r.seq(t), ids, len(ids)), ids, tolerance(r.model.Config().Arch))
		})
	}
	for name := range model.Archs {
		require.True(t, seen[name], "architecture %s has no reference", name)
	}
}

func compareReference(t *testing.T, want *reference, logits [][]float32, ids []int32, tol float64) {
	nll := 0.0
	for i := range len(ids) - 1 {
		nll -= logSoftmax(logits[i])[ids[i+1]]
	}
	require.InDelta(t, want.MeanNLL, nll/float64(len(ids)-1), tol/2, "mean nll")
	require.Len(t, want.Positions, referenceTokens/referenceEvery)
	worst := 0.0
	for _, p := range want.Positions {
		got := logSoftmax(logits[p.Pos])
		for _, top := range p.Top {
			worst = max(worst, math.Abs(got[int(top[0])]-top[1]))
			require.InDelta(t, top[1], got[int(top[0])], tol, "position %d, token %v", p.Pos, top[0])
		}
	}
	t.Logf("largest difference of a log-probability: %.2g", worst)
}

func fileSum(t *testing.T, path string) string {
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// updateReference writes a model for the reference program or, when that has
// run, keeps an extract of its output.
func updateReference(t *testing.T, name, path, sum, file string) {
	dir := os.Getenv(referenceDir)
	if dir == "" {
		t.Skipf("references are made by testdata/reference.sh")
	}
	b, err := os.ReadFile(filepath.Join(dir, name+".json"))
	if os.IsNotExist(err) {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name+".gguf"), data, 0o666))
		r := open(t, path, setup{})
		ids := strings.Trim(fmt.Sprint(tinymodel.IDs(referenceTokens, r.model.Config().VocabSize)), "[]")
		require.NoError(t, os.WriteFile(filepath.Join(dir, name+".ids"), []byte(ids), 0o666))
		return
	}
	require.NoError(t, err)
	var full struct {
		Positions []struct {
			Top [][2]float64
		}
		MeanNLL float64 `json:"mean_nll"`
	}
	require.NoError(t, json.Unmarshal(b, &full))
	require.Len(t, full.Positions, referenceTokens)
	out := fmt.Sprintf("{\"sha256\":%q,\n\"mean_nll\":%.6f,\n\"positions\":[", sum, full.MeanNLL)
	for i := referenceEvery - 1; i < referenceTokens; i += referenceEvery {
		top, err := json.Marshal(full.Positions[i].Top[:referenceTop])
		require.NoError(t, err)
		if i >= referenceEvery {
			out += ","
		}
		out += fmt.Sprintf("\n{\"pos\":%d,\"top\":%s}", i, top)
	}
	golden.Compare(t, file, []byte(out+"\n]}\n"))
}
