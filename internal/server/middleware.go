package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"
)

// requestInfo is what a request carries through its handler.
type requestInfo struct {
	id     string
	route  *route
	key    *Key // nil without keys
	status int
	failed error
	began  time.Time

	// For the log and the metrics.
	model          string
	prompt, output int
	ttft           time.Duration
}

type infoKey struct{}

// infoOf returns the request's info.
func infoOf(r *http.Request) *requestInfo {
	if x, ok := r.Context().Value(infoKey{}).(*requestInfo); ok {
		return x
	}
	return &requestInfo{}
}

// withInfo gives a request other info.
func withInfo(r *http.Request, x *requestInfo) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), infoKey{}, x))
}

// keyName is whose request it is.
func (x *requestInfo) keyName() string {
	if x.key == nil {
		return ""
	}
	return x.key.Name
}

// handler wraps a route with all that every request needs.
func (s *Server) handler(rt *route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &requestInfo{id: newID(), route: rt, began: time.Now()}
		ctx, cancel := context.WithCancelCause(r.Context())
		defer cancel(context.Canceled)
		if s.cfg.RequestTimeout > 0 {
			var end context.CancelFunc
			ctx, end = context.WithTimeout(ctx, s.cfg.RequestTimeout)
			defer end()
		}
		defer context.AfterFunc(s.ctx, func() { cancel(context.Cause(s.ctx)) })()
		r = r.WithContext(context.WithValue(ctx, infoKey{}, x))
		sw := &statusWriter{ResponseWriter: w, x: x}
		sw.Header().Set("X-Request-Id", x.id)
		sw.Header().Set("X-Content-Type-Options", "nosniff")
		s.active.Add(1)
		s.running.Add(1)
		defer func() {
			s.running.Add(-1)
			s.active.Done()
		}()
		defer s.finish(sw, r, x)
		if err := s.answer(sw, r, x); err != nil && !sw.wrote {
			s.writeError(sw, r, err)
		} else if err != nil {
			x.failed = err
		}
	})
}

// answer checks a request and hands it to its route.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, x *requestInfo) error {
	if err := s.checkHost(r); err != nil {
		return err
	}
	if err := s.origin.Check(r); err != nil {
		return &apiError{status: http.StatusForbidden, kind: kindPermission, code: "origin_not_allowed", message: "requests from pages of other sites are not allowed; see --allow-origin"}
	}
	if !x.route.open {
		if err := s.authenticate(r, x); err != nil {
			return err
		}
	}
	if s.draining.Load() && !x.route.cheap {
		return errDrained
	}
	return x.route.handle(s, w, r)
}

// finish recovers from a panic, then logs and counts the request.
func (s *Server) finish(w *statusWriter, r *http.Request, x *requestInfo) {
	if p := recover(); p != nil {
		if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(p)
		}
		s.metrics.panics.Inc()
		s.log.Error("panic", "request", x.id, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		if !w.wrote {
			s.writeError(w, r, fmt.Errorf("panic: %v", p))
		}
	}
	took := time.Since(x.began)
	s.metrics.request(x, took)
	level := s.log.Info
	if x.status >= 500 {
		level = s.log.Error
	}
	args := []any{"request", x.id, "method", r.Method, "route", x.route.path, "status", x.status, "took", took.Round(time.Microsecond)}
	if name := x.keyName(); name != "" {
		args = append(args, "key", name)
	}
	if x.prompt > 0 {
		args = append(args, "model", x.model, "prompt_tokens", x.prompt, "output_tokens", x.output, "ttft", x.ttft.Round(time.Microsecond))
	}
	if x.failed != nil {
		api := asAPIError(x.failed)
		args = append(args, "code", api.code)
		if api.code == "internal" {
			args = append(args, "error", x.failed.Error())
		}
	}
	level("request", args...)
}

// checkHost refuses requests that name another host: a page elsewhere whose
// name was bound to this machine after it was loaded (DNS rebinding).
func (s *Server) checkHost(r *http.Request) error {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.Trim(host, "[]"), ".")
	if host == "localhost" || s.hosts[host] {
		return nil
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() {
		return nil
	}
	return &apiError{status: http.StatusMisdirectedRequest, kind: kindInvalid, code: "host_not_allowed", message: "this server does not answer to that host name; see --allowed-host"}
}

// newID returns 128 random bits.
func newID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails, by its contract
	return hex.EncodeToString(b[:])
}

// statusWriter remembers the status.
type statusWriter struct {
	http.ResponseWriter
	x     *requestInfo
	wrote bool
}

// WriteHeader notes the status.
func (w *statusWriter) WriteHeader(status int) {
	if !w.wrote {
		w.wrote, w.x.status = true, status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write writes a part of the body.
func (w *statusWriter) Write(p []byte) (int, error) {
	if !w.wrote {
		w.wrote, w.x.status = true, http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
