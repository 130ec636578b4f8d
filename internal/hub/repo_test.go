package hub_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir/internal/hub"
)

func TestMissingFileNamesTheOthers(t *testing.T) {
	h, _ := oneFile(t)
	_, err := h.store().Resolve(t.Context(), "hf:o/r:y.gguf", hub.Options{})
	require.ErrorIs(t, err, hub.ErrNotFound)
	require.ErrorContains(t, err, "the repository has x.Q4_1.gguf")
}

func TestQuantSelection(t *testing.T) {
	files := map[string][]byte{}
	for i, name := range []string{
		"README.md", "M.Q4_K_M.gguf", "M.Q4_K_S.gguf", "M.BF16.gguf", "sub/M-q8_0.gguf", "mmproj-M-F16.gguf", "M.imatrix.gguf",
		"big/M-Q6_K-00001-of-00002.gguf", "big/M-Q6_K-00002-of-00002.gguf", "M-UD-Q5_K_XL.gguf", "M_iq4_nl.gguf", "cut/M-Q2_K-00001-of-00002.gguf",
	} {
		files[name] = model(1000+i, byte(i))
	}
	h := newHub(t, files)
	h.pageSize = 3
	s := h.store()
	for ref, want := range map[string]string{
		"hf:o/r:q4_k_m":     "o--r--M.Q4_K_M",
		"hf:o/r:Q8_0":       "o--r--sub--M-q8_0",
		"hf:o/r:BF16":       "o--r--M.BF16",
		"hf:o/r:Q5_K_XL":    "o--r--M-UD-Q5_K_XL",
		"hf:o/r:ud-q5_k_xl": "o--r--M-UD-Q5_K_XL",
		"hf:o/r:IQ4_NL":     "o--r--M_iq4_nl",
		"hf:o/r@v2:IQ4_NL":  "o--r--M_iq4_nl--v2",
		"hf:o/r:q6_k":       "o--r--big--M-Q6_K",
	} {
		in, err := s.Pull(t.Context(), ref, hub.Options{})
		require.NoError(t, err, ref)
		require.Equal(t, want, in.Name)
	}
	for ref, want := range map[string]string{
		"hf:o/r:Q4_K":   "there are M-UD-Q5_K_XL.gguf, M.BF16.gguf, M.Q4_K_M.gguf",
		"hf:o/r:F16":    "no file of quantization F16",
		"hf:o/r":        "ambiguous",
		"hf:o/r:Q2_K":   "holds 1 of its shards",
		"hf:none/there": "not found",
	} {
		_, err := s.Pull(t.Context(), ref, hub.Options{})
		require.ErrorContains(t, err, want, ref)
	}
	_, err := s.Resolve(t.Context(), "hf:o/r", hub.Options{})
	require.ErrorIs(t, err, hub.ErrAmbiguous)
	require.NotContains(t, err.Error(), "mmproj")
	require.NotContains(t, err.Error(), "imatrix")

	h.api.Close()
	path, err := s.Resolve(t.Context(), "hf:o/r:Q4_K_m", hub.Options{})
	require.NoError(t, err, "a stored quantization needs no listing")
	require.Equal(t, "o--r--M.Q4_K_M.gguf", filepath.Base(path))
}

func TestSplitModel(t *testing.T) {
	const a, b = "d/M-00001-of-00002.gguf", "d/M-00002-of-00002.gguf"
	h := newHub(t, map[string][]byte{a: model(5000, 1), b: model(4000, 2)})
	s := h.store()
	h.onCDN = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path[1:] == b {
			w.WriteHeader(http.StatusForbidden)
			return true
		}
		return false
	}
	_, err := s.Resolve(t.Context(), "hf:o/r:"+a, hub.Options{})
	require.Error(t, err, "the second shard fails")
	require.Contains(t, h.requests(), "cdn /"+a)
	_, err = s.Path("o--r--d--M")
	require.ErrorIs(t, err, hub.ErrNotStored)

	h.onCDN = nil
	path, err := s.Resolve(t.Context(), "hf:o/r:"+a, hub.Options{})
	require.NoError(t, err)
	require.Equal(t, "o--r--d--M-00001-of-00002.gguf", filepath.Base(path))
	seen := h.requests()
	require.Equal(t, "api /o/r/resolve/main/"+a, seen[0])
	require.Contains(t, seen, "api /o/r/resolve/"+testCommit+"/"+b, "the others come from the same commit")
	leftovers(t, s, "o--r--d--M-00001-of-00002.gguf", "o--r--d--M-00002-of-00002.gguf", "o--r--d--M.json")

	second := filepath.Join(s.Dir(), "models", "o--r--d--M-00002-of-00002.gguf")
	require.NoError(t, os.Truncate(second, 10))
	_, err = s.Path("o--r--d--M")
	require.ErrorIs(t, err, hub.ErrChecksum)
	require.NoError(t, s.Remove("o--r--d--M"))
	leftovers(t, s)

	_, err = s.Resolve(t.Context(), "hf:o/r:"+b, hub.Options{})
	require.ErrorContains(t, err, "first shard")
}
