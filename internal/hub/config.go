package hub

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

const defaultEndpoint = "https://huggingface.co"

// Config says where a [Store] lies and how it reaches its sources. The zero
// value of every field but Dir stands for the default.
type Config struct {
	Dir       string
	Catalogue map[string]Entry // default Catalogue

	Endpoint string // hub address, default https://huggingface.co
	Token    string // sent to Endpoint and nowhere else
	HubCache string // cache folder of the hub's own client; empty: not looked at
	Offline  bool   // no request to the hub is made

	ConnectTimeout time.Duration // name lookup to TLS handshake, default 5 s
	HeaderTimeout  time.Duration // request sent to first answer, default 30 s
	StallTimeout   time.Duration // longest silence within a download, default 30 s
	RetryDelay     time.Duration // before a cut download goes on, doubled each time, default 500 ms

	// Pip lists the commands that may be the pip client, best first; default:
	// the usual names of this system.
	Pip [][]string
}

// DefaultDir is $KVASIR_HOME or the folder kvasir in the user's cache folder.
func DefaultDir() (string, error) {
	if dir := os.Getenv("KVASIR_HOME"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no folder for models: set KVASIR_HOME: %w", err)
	}
	return filepath.Join(dir, "kvasir"), nil
}

// ConfigFromEnv reads KVASIR_HOME and the environment variables that the hub's
// own client defines: HF_ENDPOINT, HF_TOKEN, HF_TOKEN_PATH, HF_HOME,
// HF_HUB_CACHE, HF_HUB_OFFLINE, HF_HUB_DISABLE_IMPLICIT_TOKEN and the older names
// of some. Proxies (HTTPS_PROXY, NO_PROXY, …) are read by net/http.
func ConfigFromEnv() (Config, error) {
	dir, err := DefaultDir()
	if err != nil {
		return Config{}, err
	}
	c := hubFromEnv()
	c.Dir = dir
	return c, nil
}

func hubFromEnv() Config {
	c := Config{Endpoint: os.Getenv("HF_ENDPOINT"), Offline: envTrue("HF_HUB_OFFLINE") || envTrue("TRANSFORMERS_OFFLINE")}
	home := firstOf(os.Getenv("HF_HOME"), hubHome())
	c.HubCache = firstOf(os.Getenv("HF_HUB_CACHE"), os.Getenv("HUGGINGFACE_HUB_CACHE"))
	if c.HubCache == "" && home != "" {
		c.HubCache = filepath.Join(home, "hub")
	}
	c.Token = strings.TrimSpace(firstOf(os.Getenv("HF_TOKEN"), os.Getenv("HUGGING_FACE_HUB_TOKEN")))
	tokenPath := os.Getenv("HF_TOKEN_PATH")
	if tokenPath == "" && home != "" {
		tokenPath = filepath.Join(home, "token")
	}
	if c.Token == "" && tokenPath != "" && !envTrue("HF_HUB_DISABLE_IMPLICIT_TOKEN") {
		if b, err := os.ReadFile(tokenPath); err == nil {
			c.Token = strings.TrimSpace(string(b))
		}
	}
	return c
}

// hubHome is the default of HF_HOME, "" without a home folder.
func hubHome() string {
	if cache := os.Getenv("XDG_CACHE_HOME"); cache != "" {
		return filepath.Join(cache, "huggingface")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".cache", "huggingface")
}

// withDefaults fills in the zero fields.
func (c Config) withDefaults() (Config, error) {
	if c.Dir == "" {
		return c, errors.New("model store without a folder")
	}
	var err error
	if c.Dir, err = filepath.Abs(c.Dir); err != nil {
		return c, fmt.Errorf("model store: %w", err)
	}
	if c.Catalogue == nil {
		c.Catalogue = Catalogue
	}
	c.Endpoint = strings.TrimRight(firstOf(c.Endpoint, defaultEndpoint), "/")
	setDefault(&c.ConnectTimeout, 5*time.Second)
	setDefault(&c.HeaderTimeout, 30*time.Second)
	setDefault(&c.StallTimeout, 30*time.Second)
	setDefault(&c.RetryDelay, 500*time.Millisecond)
	if c.Pip == nil {
		c.Pip = defaultPip()
	}
	return c, nil
}

// checkHub looks at what a request to the hub needs. It is done before the
// first one: a wrong setting does no harm to who uses stored models only.
func (c Config) checkHub() error {
	u, err := url.Parse(c.Endpoint)
	switch {
	case c.Offline:
		return fmt.Errorf("%w (HF_HUB_OFFLINE)", ErrOffline)
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("hub address %q (HF_ENDPOINT): want https://HOST or http://HOST", c.Endpoint)
	case strings.ContainsFunc(c.Token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New("hub token (HF_TOKEN): holds characters that no token has")
	}
	return nil
}

func defaultPip() [][]string {
	if runtime.GOOS == "windows" {
		return [][]string{{"py", "-3", "-m", "pip"}, {"python", "-m", "pip"}, {"pip"}}
	}
	return [][]string{{"python3", "-m", "pip"}, {"python", "-m", "pip"}, {"pip3"}, {"pip"}}
}

func setDefault(d *time.Duration, def time.Duration) {
	if *d <= 0 {
		*d = def
	}
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

func envTrue(name string) bool {
	switch strings.ToUpper(os.Getenv(name)) {
	case "1", "ON", "YES", "TRUE":
		return true
	}
	return false
}
