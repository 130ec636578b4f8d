package server

import (
	"bufio"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Key is somebody who may use the server.
type Key struct {
	Name   string
	Weight float64 // part of the machine; 1 is usual
	Class  int8    // priority, higher first
	hash   [sha256.Size]byte
}

// Keyring is the keys of a file: lines of a name, the SHA-256 of a key in hex,
// and optionally weight=N and class=N.
type Keyring struct {
	path string

	mu      sync.Mutex
	keys    []Key
	changed time.Time
	looked  time.Time
}

// OpenKeyring reads a file of keys, which nobody but its owner may read.
func OpenKeyring(path string) (*Keyring, error) {
	k := &Keyring{path: path}
	if err := k.reload(); err != nil {
		return nil, err
	}
	return k, nil
}

func (k *Keyring) reload() error {
	f, err := os.Open(k.path)
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("keys: %s can be read by others: chmod 600 it", k.path)
	}
	keys, err := parseKeys(f)
	if err != nil {
		return fmt.Errorf("keys: %s: %w", k.path, err)
	}
	k.keys, k.changed = keys, info.ModTime()
	return nil
}

// parseKeys reads lines of keys.
func parseKeys(r io.Reader) ([]Key, error) {
	var keys []Key
	lines := bufio.NewScanner(io.LimitReader(r, 1<<20))
	for n := 1; lines.Scan(); n++ {
		f := strings.Fields(lines.Text())
		if len(f) == 0 || strings.HasPrefix(f[0], "#") {
			continue
		}
		key, err := parseKey(f)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		keys = append(keys, key)
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no key in it: add one with 'infer key new NAME'")
	}
	return keys, nil
}

func parseKey(f []string) (Key, error) {
	k := Key{Name: f[0], Weight: 1}
	if len(f) < 2 {
		return k, errors.New("want a name and the SHA-256 of a key")
	}
	if n, err := hex.Decode(k.hash[:], []byte(f[1])); err != nil || n != len(k.hash) || len(f[1]) != 2*len(k.hash) {
		return k, fmt.Errorf("key %s: the second word is no SHA-256", k.Name)
	}
	for _, o := range f[2:] {
		name, value, _ := strings.Cut(o, "=")
		v, err := strconv.ParseFloat(value, 64)
		switch {
		case err != nil:
			return k, fmt.Errorf("key %s: %q is no number", k.Name, o)
		case name == "weight" && v > 0 && v <= 1000:
			k.Weight = v
		case name == "class" && v >= -100 && v <= 100:
			k.Class = int8(v)
		default:
			return k, fmt.Errorf("key %s: %q: want weight=N or class=N", k.Name, o)
		}
	}
	return k, nil
}

// find returns whose secret it is. The time does not depend on which key
// matches, or whether one does.
func (k *Keyring) find(secret string) *Key {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.refresh()
	hash := sha256.Sum256([]byte(secret))
	found := -1
	for i := range k.keys {
		same := subtle.ConstantTimeCompare(hash[:], k.keys[i].hash[:])
		found = subtle.ConstantTimeSelect(same, i, found)
	}
	if found < 0 {
		return nil
	}
	key := k.keys[found]
	return &key
}

// refresh reads the file again when it has changed, looking at most once a
// second. A file that is damaged changes nothing.
func (k *Keyring) refresh() {
	if time.Since(k.looked) < time.Second {
		return
	}
	k.looked = time.Now()
	if info, err := os.Stat(k.path); err == nil && !info.ModTime().Equal(k.changed) {
		_ = k.reload() // the old keys stay
	}
}

// NewKey makes a key; line is what goes into the file.
func NewKey(name string) (secret, line string, err error) {
	if name == "" || strings.ContainsAny(name, " \t\r\n#") {
		return "", "", fmt.Errorf("key name %q: must be one word", name)
	}
	var b [24]byte
	rand.Read(b[:]) // never fails, by its contract
	secret = "kv-" + base64.RawURLEncoding.EncodeToString(b[:])
	hash := sha256.Sum256([]byte(secret))
	return secret, name + " " + hex.EncodeToString(hash[:]), nil
}

// authenticate finds the key of a request.
func (s *Server) authenticate(r *http.Request, x *requestInfo) error {
	if s.cfg.Keys == nil {
		return nil
	}
	addr, _, _ := net.SplitHostPort(r.RemoteAddr)
	if wait := s.fails.blocked(addr); wait > 0 {
		return &apiError{status: http.StatusTooManyRequests, kind: kindRate, code: "key_limit", message: "too many wrong keys from this address", retry: wait}
	}
	secret := r.Header.Get("X-Api-Key")
	if scheme, rest, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "bearer") {
		secret = strings.TrimSpace(rest)
	}
	if secret != "" {
		if x.key = s.cfg.Keys.find(secret); x.key != nil {
			return nil
		}
		s.fails.add(addr)
	}
	return &apiError{status: http.StatusUnauthorized, kind: kindAuth, code: "invalid_api_key", message: "a valid key is needed: Authorization: Bearer KEY"}
}

// failures counts wrong keys by address.
type failures struct {
	mu sync.Mutex
	m  map[string]*failure
}

type failure struct {
	n     int
	since time.Time
}

const (
	maxFailures   = 10
	failureWindow = time.Minute
	maxAddresses  = 10_000
)

// blocked is how long an address has to wait; 0 = not at all.
func (f *failures) blocked(addr string) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	x := f.m[addr]
	if x == nil || x.n < maxFailures {
		return 0
	}
	return max(0, failureWindow-time.Since(x.since))
}

func (f *failures) add(addr string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.m == nil || len(f.m) >= maxAddresses {
		f.m = map[string]*failure{}
	}
	x := f.m[addr]
	if x == nil || time.Since(x.since) > failureWindow {
		x = &failure{since: time.Now()}
		f.m[addr] = x
	}
	x.n++
}
