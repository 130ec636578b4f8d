package hub_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir/internal/hub"
)

func TestConfigFromEnv(t *testing.T) {
	for _, name := range []string{"HF_ENDPOINT", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_IMPLICIT_TOKEN", "KVASIR_HOME"} {
		t.Setenv(name, "")
	}
	home := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", filepath.Join(home, "xdg"))
	cfg, err := hub.ConfigFromEnv()
	require.NoError(t, err)
	require.Equal(t, filepath.Join(home, "xdg", "huggingface", "hub"), cfg.HubCache)
	if runtime.GOOS == "linux" {
		require.Equal(t, filepath.Join(home, "xdg", "kvasir"), cfg.Dir)
	}

	require.NoError(t, os.WriteFile(filepath.Join(home, "token"), []byte("hf_file\n"), 0o600))
	t.Setenv("HF_HOME", home)
	t.Setenv("KVASIR_HOME", filepath.Join(home, "k"))
	t.Setenv("HF_HUB_OFFLINE", "yes")
	cfg, err = hub.ConfigFromEnv()
	require.NoError(t, err)
	require.Equal(t, hub.Config{Dir: filepath.Join(home, "k"), HubCache: filepath.Join(home, "hub"), Token: "hf_file", Offline: true}, cfg)

	t.Setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")
	cfg, err = hub.ConfigFromEnv()
	require.NoError(t, err)
	require.Empty(t, cfg.Token)
	t.Setenv("HF_TOKEN", " hf_env ")
	t.Setenv("HF_HUB_CACHE", "/elsewhere")
	cfg, err = hub.ConfigFromEnv()
	require.NoError(t, err)
	require.Equal(t, "hf_env", cfg.Token)
	require.Equal(t, "/elsewhere", cfg.HubCache)

	s, err := hub.Open("")
	require.NoError(t, err)
	require.Equal(t, filepath.Join(home, "k"), s.Dir())
	t.Setenv("KVASIR_HOME", "")
	t.Setenv("HOME", "")
	t.Setenv("XDG_CACHE_HOME", "")
	s, err = hub.Open(home)
	require.NoError(t, err, "a folder that is named needs no home")
	require.Equal(t, home, s.Dir())
}

// Wrong settings hurt only those who need the hub.
func TestWrongSettings(t *testing.T) {
	_, err := hub.OpenConfig(hub.Config{})
	require.ErrorContains(t, err, "without a folder")
	for want, change := range map[string]func(*hub.Config){
		"HF_ENDPOINT": func(c *hub.Config) { c.Endpoint = "ftp://x" },
		"want https":  func(c *hub.Config) { c.Endpoint = "https://" },
		"HF_TOKEN":    func(c *hub.Config) { c.Token = "a\nb" },
	} {
		s := openStore(t, change)
		put(t, s, "mine.gguf", []byte("GGUF"))
		_, err := s.Resolve(t.Context(), "mine", hub.Options{})
		require.NoError(t, err)
		_, err = s.Resolve(t.Context(), loremRef, hub.Options{})
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "a\nb")
	}
}
