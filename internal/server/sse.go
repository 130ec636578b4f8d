package server

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"kvasir"
)

func formatUint(v uint64) string { return strconv.FormatUint(v, 10) }

// pingEvery is how long a stream may be silent.
const pingEvery = 15 * time.Second

// stream writes server-sent events, or lines of JSON. Headers go out with the
// first flush, so that an error before it is a plain one.
type stream struct {
	w       http.ResponseWriter
	c       *http.ResponseController
	buf     []byte
	lines   bool // NDJSON
	started bool
	timeout time.Duration
}

func (s *Server) newStream(w http.ResponseWriter, lines bool) *stream {
	return &stream{w: w, c: http.NewResponseController(w), lines: lines, timeout: s.cfg.WriteTimeout}
}

// event adds an event to what the next flush sends.
func (t *stream) event(v any) error {
	b, err := marshal(v)
	if err != nil {
		return err
	}
	if !t.lines {
		t.buf = append(t.buf, "data: "...)
	}
	t.buf = append(append(t.buf, b...), '\n')
	if !t.lines {
		t.buf = append(t.buf, '\n')
	}
	return nil
}

// named adds an event with a type, as /v1/responses has them.
func (t *stream) named(name string, v any) error {
	t.buf = append(append(append(t.buf, "event: "...), name...), '\n')
	return t.event(v)
}

// done adds the mark that ends OpenAI's streams.
func (t *stream) done() { t.buf = append(t.buf, "data: [DONE]\n\n"...) }

// flush sends what was added. A reader that takes nothing for the time-out is
// cut.
func (t *stream) flush() error {
	if len(t.buf) == 0 {
		return nil
	}
	if !t.started {
		t.started = true
		h := t.w.Header()
		h.Set("Content-Type", "text/event-stream; charset=utf-8")
		if t.lines {
			h.Set("Content-Type", "application/x-ndjson")
		}
		h.Set("Cache-Control", "no-store")
		h.Set("X-Accel-Buffering", "no")
		t.w.WriteHeader(http.StatusOK)
	}
	_ = t.c.SetWriteDeadline(time.Now().Add(t.timeout)) // in tests there is no connection
	_, err := t.w.Write(t.buf)
	t.buf = t.buf[:0]
	if err != nil {
		return err
	}
	return t.c.Flush()
}

// end finishes a stream after an error: as an event when it has begun, else as
// a plain error.
func (t *stream) end(err error) error {
	if !t.started {
		return err
	}
	api := asAPIError(err)
	if api.status == statusClientGone {
		return err
	}
	body := api.body()
	if t.lines {
		body = map[string]string{"error": api.message}
	}
	if e := t.event(body); e != nil {
		return e
	}
	if e := t.flush(); e != nil {
		return e
	}
	return err
}

// follow hands every token of g to each, which adds events to t; they are sent
// together when no more tokens are ready. It returns nil after the last one.
func (g *generation) follow(ctx context.Context, t *stream, each func(*choice, kvasir.Token) error) error {
	for {
		wait, cancel := context.WithTimeout(ctx, pingEvery)
		c, tok, err := g.next(wait)
		cancel()
		switch {
		case err != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
			if !t.lines && g.job.Usage().Queue > 0 { // not while it waits in the queue
				t.buf = append(t.buf, ": ping\n\n"...)
			}
		case isEnd(err):
			return t.flush()
		case err != nil:
			return err
		default:
			if err := each(c, tok); err != nil {
				return err
			}
			if g.job.Ready() > 0 && len(t.buf) < 16<<10 {
				continue
			}
		}
		if err := t.flush(); err != nil {
			g.s.metrics.slow.Inc()
			return &apiError{status: statusClientGone, kind: kindInvalid, code: "client_gone", message: "the client stopped reading"}
		}
	}
}
