package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"kvasir"
)

// ModelSpec is a model that clients may name.
type ModelSpec struct {
	Name string // "" = from the file's name
	Path string
}

// host owns the engines: it loads them on demand and unloads those that nobody
// has used for a while.
type host struct {
	s     *Server
	order []string // names
	by    map[string]*served
}

// served is a model of the server.
type served struct {
	h     *host
	name  string
	path  string
	info  *kvasir.FileInfo
	size  int64
	mtime time.Time

	mu     sync.Mutex // one load at a time
	eng    *kvasir.Engine
	users  int
	used   time.Time
	until  time.Time // kept at least that long
	timer  *time.Timer
	closed bool
	took   time.Duration // of the load

	opened atomic.Bool // was loaded at least once
	once   sync.Once
	sum    string // SHA-256 of the file
}

func newHost(s *Server, specs []ModelSpec) (*host, error) {
	h := &host{s: s, by: map[string]*served{}}
	for _, m := range specs {
		if m.Name == "" {
			m.Name = strings.TrimSuffix(filepath.Base(m.Path), ".gguf")
		}
		if !validName(m.Name) {
			return nil, fmt.Errorf("model name %q: letters, digits and ._:/- only", m.Name)
		}
		if h.by[m.Name] != nil {
			return nil, fmt.Errorf("two models are called %q", m.Name)
		}
		info, err := kvasir.Inspect(m.Path)
		if err != nil {
			return nil, err
		}
		if !info.Supported {
			return nil, fmt.Errorf("%s: %w: %s", m.Path, kvasir.ErrUnsupported, info.Problem)
		}
		st, err := os.Stat(m.Path)
		if err != nil {
			return nil, err
		}
		h.by[m.Name] = &served{h: h, name: m.Name, path: m.Path, info: info, size: st.Size(), mtime: st.ModTime()}
		h.order = append(h.order, m.Name)
	}
	if len(h.order) == 0 {
		return nil, errors.New("there is no model to serve")
	}
	return h, nil
}

// validName keeps names harmless in paths, logs and answers.
func validName(name string) bool {
	if name == "" || len(name) > 256 || strings.Contains(name, "..") {
		return false
	}
	for _, c := range name {
		ok := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("._:/-", c)
		if !ok {
			return false
		}
	}
	return true
}

// find returns a model by the name that a client gave; "" means the only one.
func (h *host) find(name string) (*served, error) {
	if name == "" {
		if len(h.order) == 1 {
			return h.by[h.order[0]], nil
		}
		return nil, invalidValue("model", "model is required: one of %s", strings.Join(h.some(), ", "))
	}
	if m := h.by[name]; m != nil {
		return m, nil
	}
	if m := h.by[strings.TrimSuffix(name, ":latest")]; m != nil {
		return m, nil
	}
	shown := name
	if !validName(shown) {
		shown = "of that name"
	}
	return nil, &apiError{
		status: http.StatusNotFound, kind: kindNotFound, code: "model_not_found", param: "model",
		message: fmt.Sprintf("model %s is not served here; there is %s", shown, strings.Join(h.some(), ", ")),
	}
}

// some returns up to eight names.
func (h *host) some() []string { return h.order[:min(8, len(h.order))] }

// acquire returns a model that stays loaded until it is released.
func (h *host) acquire(ctx context.Context, name string) (*served, error) {
	m, err := h.find(name)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, errDrained
	}
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	if m.eng == nil {
		if err := m.load(); err != nil {
			return nil, err
		}
	}
	m.users++
	m.used = time.Now()
	return m, nil
}

// load opens the engine. m.mu is held.
func (m *served) load() error {
	began := time.Now()
	s := m.h.s
	eng, err := kvasir.Open(m.path, s.cfg.Options)
	if err != nil {
		s.log.Error("load", "model", m.name, "error", err.Error())
		return unavailable("model_failed", "model %s could not be loaded", m.name)
	}
	err = eng.SetSchedule(kvasir.Schedule{
		MaxRunning: s.cfg.MaxRunning, MaxWaiting: s.cfg.MaxWaiting, MaxPerKey: s.cfg.MaxPerKey,
		QueueTimeout: s.cfg.QueueTimeout, Unsplit: s.cfg.Unsplit, OnPass: s.metrics.pass(m.name),
	})
	if err != nil {
		return errors.Join(err, eng.Close())
	}
	m.eng, m.took = eng, time.Since(began)
	m.opened.Store(true)
	m.digest() // requests should not wait for it
	s.metrics.loads.WithLabelValues(m.name).Observe(m.took.Seconds())
	s.log.Info("loaded", "model", m.name, "took", m.took.Round(time.Millisecond))
	return nil
}

// release ends a use; the last one starts the time until the model goes.
func (m *served) release() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.users--
	m.used = time.Now()
	if keep := m.h.s.cfg.KeepAlive; keep > 0 && m.users == 0 {
		m.until = m.used.Add(keep)
		if m.timer == nil {
			m.timer = time.AfterFunc(keep, m.idle)
		} else {
			m.timer.Reset(keep)
		}
	}
}

// idle unloads a model that was not used for its time.
func (m *served) idle() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.users > 0 || m.eng == nil || time.Now().Before(m.until) {
		return
	}
	if err := m.eng.Close(); err != nil {
		m.h.s.log.Error("unload", "model", m.name, "error", err.Error())
	}
	m.eng = nil
	m.h.s.log.Info("unloaded", "model", m.name)
}

// Models returns the names that clients may use.
func (s *Server) Models() []string { return s.host.order }

// ready reports whether the first model is in memory, or was and can come back.
func (h *host) ready() bool {
	m := h.by[h.order[0]]
	if !m.mu.TryLock() {
		return m.opened.Load()
	}
	defer m.mu.Unlock()
	return m.opened.Load() && !m.closed
}

// loaded returns the engine if it is there, nil else; only for reading.
func (m *served) loaded() *kvasir.Engine {
	if !m.mu.TryLock() { // being loaded
		return nil
	}
	defer m.mu.Unlock()
	return m.eng
}

func (h *host) close() error {
	var errs []error
	for _, m := range h.by {
		m.mu.Lock()
		m.closed = true
		if m.timer != nil {
			m.timer.Stop()
		}
		if m.eng != nil {
			errs = append(errs, m.eng.Close())
			m.eng = nil
		}
		m.mu.Unlock()
	}
	return errors.Join(errs...)
}

// contextLength is what requests to a model may hold.
func (m *served) contextLength() int {
	n := m.info.Context
	if c := m.h.s.cfg.Options.Context; c > 0 {
		return c
	}
	return min(n, 131072)
}

// meta returns a metadata entry as text.
func (m *served) meta(key string) string {
	for _, e := range m.info.Metadata {
		if e.Key == key {
			return strings.Trim(e.Value, `"`)
		}
	}
	return ""
}
