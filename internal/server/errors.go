package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"kvasir"
)

// apiError is an error as clients see it.
type apiError struct {
	status  int
	kind    string // "type" of OpenAI's error object
	code    string
	param   string // path of the field at fault; "" = null
	message string
	retry   time.Duration // for 429 and 503
	ahead   int           // requests ahead, with 429
}

func (e *apiError) Error() string { return e.message }

// Kinds of errors.
const (
	kindInvalid     = "invalid_request_error"
	kindAuth        = "authentication_error"
	kindPermission  = "permission_error"
	kindNotFound    = "not_found_error"
	kindRate        = "rate_limit_error"
	kindTimeout     = "timeout_error"
	kindServer      = "server_error"
	kindUnavailable = "unavailable_error"
)

func badRequest(code, param, format string, args ...any) *apiError {
	return &apiError{status: http.StatusBadRequest, kind: kindInvalid, code: code, param: param, message: fmt.Sprintf(format, args...)}
}

// invalidValue is an error about one field.
func invalidValue(param, format string, args ...any) *apiError {
	return badRequest("invalid_value", param, format, args...)
}

// unsupported refuses a field that is known and not supported.
func unsupported(param, why string) *apiError {
	return badRequest("unsupported_field", param, "%s is not supported%s", param, why)
}

// statusClientGone is logged for requests whose client went away.
const statusClientGone = 499

// asAPIError maps an error of the engine to one of the API. What nobody
// expected is internal: its text stays in the log.
func asAPIError(err error) *apiError {
	var api *apiError
	var long *kvasir.ContextError
	var full *kvasir.QueueError
	switch {
	case errors.As(err, &api):
		return api
	case errors.As(err, &long):
		return badRequest("context_length_exceeded", "", "%s", long.Error())
	case errors.As(err, &full):
		code := "queue_full"
		if full.PerKey {
			code = "key_limit"
		}
		return &apiError{status: http.StatusTooManyRequests, kind: kindRate, code: code, message: full.Error(), retry: full.RetryAfter, ahead: full.Position}
	case errors.Is(err, kvasir.ErrPool):
		return badRequest("kv_budget_exceeded", "max_tokens", "%s", err.Error())
	case errors.Is(err, kvasir.ErrQueueTimeout):
		return &apiError{status: http.StatusGatewayTimeout, kind: kindTimeout, code: "queue_timeout", message: err.Error()}
	case errors.Is(err, kvasir.ErrConstraintUnsupported), errors.Is(err, kvasir.ErrConstraintSyntax),
		errors.Is(err, kvasir.ErrConstraintImpossible), errors.Is(err, kvasir.ErrConstraintTooComplex):
		return badRequest("unsupported_schema", "response_format", "%s", err.Error())
	case errors.Is(err, kvasir.ErrNoCandidates):
		return badRequest("constraint_failed", "response_format", "%s", err.Error())
	case errors.Is(err, kvasir.ErrUnsupported):
		return badRequest("unsupported_field", "", "%s", err.Error())
	case errors.Is(err, kvasir.ErrNoTemplate):
		return badRequest("unsupported_field", "messages", "%s: use /v1/completions", err.Error())
	case errors.Is(err, kvasir.ErrClosed):
		return unavailable("draining", "the server is shutting down")
	case errors.Is(err, context.DeadlineExceeded):
		return &apiError{status: http.StatusGatewayTimeout, kind: kindTimeout, code: "request_timeout", message: "the request took too long"}
	case errors.Is(err, context.Canceled):
		return &apiError{status: statusClientGone, kind: kindInvalid, code: "client_gone", message: "the client closed the connection"}
	}
	return &apiError{status: http.StatusInternalServerError, kind: kindServer, code: "internal", message: "internal error"}
}

func unavailable(code, format string, args ...any) *apiError {
	return &apiError{status: http.StatusServiceUnavailable, kind: kindUnavailable, code: code, message: fmt.Sprintf(format, args...), retry: 2 * time.Second}
}

// errorBody is OpenAI's error object. All four are always there.
type errorBody struct {
	Message  string  `json:"message"`
	Type     string  `json:"type"`
	Param    *string `json:"param"`
	Code     string  `json:"code"`
	Position *int    `json:"position,omitempty"`
}

func (e *apiError) body() any {
	b := errorBody{Message: e.message, Type: e.kind, Code: e.code}
	if e.param != "" {
		b.Param = &e.param
	}
	if e.status == http.StatusTooManyRequests && e.retry > 0 {
		b.Position = &e.ahead
	}
	return struct {
		Error errorBody `json:"error"`
	}{b}
}

// writeError answers with an error; the Ollama routes have a shape of their own.
func (s *Server) writeError(w http.ResponseWriter, r *http.Request, err error) {
	e := asAPIError(err)
	x := infoOf(r)
	x.failed = err
	if e.code == "internal" {
		e.message = "internal error (request " + x.id + ")"
	}
	h := w.Header()
	if e.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(int(max(1, (e.retry+time.Second-1)/time.Second))))
	}
	switch {
	case e.status == http.StatusTooManyRequests || e.code == "loading":
		h.Set("X-Should-Retry", "true")
	case e.status >= 500:
		h.Set("X-Should-Retry", "false")
	}
	if e.status == statusClientGone {
		x.status = e.status
		return
	}
	if x.route != nil && x.route.ollama {
		writeJSON(w, e.status, map[string]string{"error": e.message})
		return
	}
	writeJSON(w, e.status, e.body())
}

// writeJSON answers with one JSON value.
func writeJSON(w http.ResponseWriter, status int, v any) {
	b, err := marshal(v)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"error":{"message":"internal error","type":"server_error","param":null,"code":"internal"}}`)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // a client that is gone needs no answer
}

// marshal encodes without escaping <, > and &.
func marshal(v any) ([]byte, error) {
	var b jsonBuffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return b[:len(b)-1], nil
}

type jsonBuffer []byte

func (b *jsonBuffer) Write(p []byte) (int, error) {
	*b = append(*b, p...)
	return len(p), nil
}
