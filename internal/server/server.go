// Package server answers HTTP requests with an engine: OpenAI's API, the part
// of Ollama's that reads and chats, tokenizer routes, health, metrics and a
// page for the browser.
//
// It is careful by default: it listens on the loopback interface unless keys
// are given, checks the Host and Origin of requests, bounds everything that a
// client can make large, refuses what it does not support by name, and stops
// computing when a client leaves.
package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"kvasir"
)

// Config configures a Server. The zero value of all but Models works.
type Config struct {
	Models  []ModelSpec
	Options kvasir.Options // of all engines
	// Keys are who may use the server; nil = everybody who can reach it.
	Keys *Keyring
	// Hosts are further names that clients may know the server by.
	Hosts []string
	// Origins are pages elsewhere that may use the server.
	Origins []string

	MaxRunning, MaxWaiting, MaxPerKey int           // see kvasir.Schedule; 0 = its defaults
	MaxOutput                         int           // most tokens of an answer; 0 = the context
	QueueTimeout                      time.Duration // 0 = 60 s
	RequestTimeout                    time.Duration // 0 = none
	WriteTimeout                      time.Duration // of each write to a client; 0 = 15 s
	Drain                             time.Duration // for running requests at the end; 0 = 30 s
	KeepAlive                         time.Duration // of a model that nobody uses; 0 = for ever
	MaxConns                          int           // 0 = 2048
	Unsplit                           bool          // see kvasir.Schedule

	Version string
	Log     *slog.Logger // nil = none
}

// Server is an HTTP server for one or more models. Its handlers are safe for
// concurrent use.
type Server struct {
	cfg     Config
	log     *slog.Logger
	host    *host
	metrics *metrics
	origin  *http.CrossOriginProtection
	hosts   map[string]bool
	fails   failures
	started time.Time
	secret  [32]byte // of the scopes of caches

	draining   atomic.Bool
	active     sync.WaitGroup
	running    atomic.Int64
	embedSlots chan struct{}   // one text at a time
	ctx        context.Context // ends when draining is over
	stop       context.CancelCauseFunc
}

// errDrained ends requests that outlive the drain.
var errDrained = unavailable("draining", "the server is shutting down")

// New returns a server. It loads no model; see Load.
func New(c Config) (*Server, error) {
	setDefault(&c.QueueTimeout, 60*time.Second)
	setDefault(&c.WriteTimeout, 15*time.Second)
	setDefault(&c.Drain, 30*time.Second)
	setDefault(&c.MaxConns, 2048)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{cfg: c, log: c.Log, started: time.Now(), origin: http.NewCrossOriginProtection(), hosts: map[string]bool{}}
	for _, o := range c.Origins {
		if err := s.origin.AddTrustedOrigin(o); err != nil {
			return nil, fmt.Errorf("allowed origin: %w", err)
		}
	}
	for _, h := range c.Hosts {
		s.hosts[h] = true
	}
	rand.Read(s.secret[:]) // never fails, by its contract
	s.metrics = newMetrics(s)
	var err error
	if s.host, err = newHost(s, c.Models); err != nil {
		return nil, err
	}
	s.embedSlots = make(chan struct{}, 1)
	s.ctx, s.stop = context.WithCancelCause(context.Background())
	return s, nil
}

func setDefault[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

// Load loads the first model, so that its first request need not wait.
func (s *Server) Load(ctx context.Context) error {
	m, err := s.host.acquire(ctx, s.host.order[0])
	if err != nil {
		return err
	}
	m.release()
	return nil
}

// Serve answers requests on l until ctx ends, then lets running ones finish
// within Config.Drain. It returns nil after a clean end.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	s.AllowHost(l.Addr())
	hs := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       120 * time.Second,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- hs.Serve(limitListener(l, s.cfg.MaxConns)) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	s.DrainRequests()
	end, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := hs.Shutdown(end); err != nil {
		_ = hs.Close() // what is left had its time
	}
	return nil
}

// DrainRequests refuses new work and waits for running requests, at most
// Config.Drain; what is left then gets an error.
func (s *Server) DrainRequests() {
	s.draining.Store(true)
	s.log.Info("draining", "running", s.running.Load())
	done := make(chan struct{})
	go func() { s.active.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(s.cfg.Drain):
		s.stop(errDrained)
		<-done
	}
}

// Close unloads all models. No handler may run any more.
func (s *Server) Close() error {
	s.stop(errDrained)
	return s.host.close()
}

// AllowHost lets clients name the server by the address it listens on.
func (s *Server) AllowHost(a net.Addr) {
	if t, ok := a.(*net.TCPAddr); ok && !t.IP.IsUnspecified() {
		s.hosts[t.IP.String()] = true
	}
}

// CheckListen reports whether an address may be listened on without keys.
func CheckListen(addr string, keys, insecure bool) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("listen address %q: %w", addr, err)
	}
	if keys || insecure || host == "localhost" {
		return nil
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() {
		return nil
	}
	return errors.New("listening on " + addr + " would let everybody who can reach this machine use the model: give --keys-file, or --insecure if that is meant")
}
