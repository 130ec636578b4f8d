package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	maxRedirects = 10
	maxJSONBytes = 32 << 20
	userAgent    = "kvasir"
)

var (
	errConnect = errors.New("no connection")
	errStalled = errors.New("connection stalled")
)

// statusError is an answer that is no success.
type statusError struct {
	code  int
	kind  error // one of the package's sentinels, or nil
	text  string
	after time.Duration // Retry-After, 0 if not given
}

func (e *statusError) Error() string { return e.text }
func (e *statusError) Unwrap() error { return e.kind }

// reply is an answer after redirects, with what the hub said about the file on
// the way: large files are served by another host, the hub's redirect carries
// their description.
type reply struct {
	*http.Response
	sha256 string // X-Linked-Etag, if it is a SHA-256
	bytes  int64  // X-Linked-Size, 0 if absent
	commit string // X-Repo-Commit
}

func newHTTPClient(cfg Config) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			ForceAttemptHTTP2:     true,
			DisableCompression:    true, // sizes and ranges are those of the file
			ResponseHeaderTimeout: cfg.HeaderTimeout,
			IdleConnTimeout:       cfg.HeaderTimeout,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// get requests address and follows redirects itself: the token goes to the
// hub's own origin only, and never is https left for http. An answer other than
// 200, 206 or 416 is a [*statusError]. The caller closes the body.
func (s *Store) get(ctx context.Context, address string, header http.Header) (*reply, error) {
	if err := s.cfg.checkHub(); err != nil {
		return nil, err
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("hub address: %w", err)
	}
	re := &reply{}
	for range maxRedirects {
		re.Response, err = s.once(ctx, u, header)
		if err != nil {
			return nil, err
		}
		if s.isHub(u) {
			re.describe()
		}
		switch re.StatusCode {
		case http.StatusOK, http.StatusPartialContent, http.StatusRequestedRangeNotSatisfiable:
			return re, nil
		case 301, 302, 303, 307, 308:
		default:
			err := s.refused(u, re.Response)
			re.Body.Close()
			return nil, err
		}
		re.Body.Close()
		next, err := re.Location()
		if err != nil {
			return nil, fmt.Errorf("redirect from %s: %w", u.Host, err)
		}
		if next.Scheme != "https" && (next.Scheme != "http" || u.Scheme == "https") {
			return nil, fmt.Errorf("redirect from %s to %s://%s refused: not encrypted", u.Host, next.Scheme, next.Host)
		}
		u = next
	}
	return nil, fmt.Errorf("%s: more than %d redirects", u.Host, maxRedirects)
}

// once sends one request. The time until a connection stands is bounded by
// ConnectTimeout: name lookup, proxy and TLS included.
func (s *Store) once(ctx context.Context, u *url.URL, header http.Header) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(s.cfg.ConnectTimeout, func() { cancel(errConnect) })
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { timer.Stop() }}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), http.MethodGet, u.String(), nil)
	if err != nil {
		timer.Stop()
		cancel(nil)
		return nil, fmt.Errorf("request to %s: %w", u.Host, err)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	req.Header.Set("User-Agent", userAgent)
	if s.cfg.Token != "" && s.isHub(u) {
		req.Header.Set("Authorization", "Bearer "+s.cfg.Token)
	}
	resp, err := s.http.Do(req)
	timer.Stop()
	if err != nil {
		cause := context.Cause(ctx)
		cancel(nil)
		switch {
		case errors.Is(cause, errConnect):
			return nil, fmt.Errorf("%w to %s within %v", errConnect, u.Host, s.cfg.ConnectTimeout)
		case cause != nil:
			return nil, cause
		}
		var ue *url.Error // repeats the address, which may be a signed one
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return nil, fmt.Errorf("%s: %w", u.Host, err)
	}
	resp.Body = &bodyCloser{resp.Body, cancel}
	return resp, nil
}

// bodyCloser frees a request's context with its body.
type bodyCloser struct {
	io.ReadCloser
	cancel context.CancelCauseFunc
}

func (b *bodyCloser) Close() error {
	err := b.ReadCloser.Close()
	b.cancel(nil)
	return err
}

// isHub reports whether u has the hub's origin: scheme, host and port.
func (s *Store) isHub(u *url.URL) bool {
	hub, err := url.Parse(s.cfg.Endpoint)
	return err == nil && u.Scheme == hub.Scheme && strings.EqualFold(u.Host, hub.Host)
}

// describe takes over the hub's headers about the file.
func (re *reply) describe() {
	if tag := etag(re.Header.Get("X-Linked-Etag")); isSHA256(tag) {
		re.sha256 = tag
	}
	if n, err := strconv.ParseInt(re.Header.Get("X-Linked-Size"), 10, 64); err == nil && n > 0 {
		re.bytes = n
	}
	if c := re.Header.Get("X-Repo-Commit"); commitRE.MatchString(c) {
		re.commit = c
	}
}

// refused turns an answer that is no success into an error that says what to do.
func (s *Store) refused(u *url.URL, resp *http.Response) error {
	e := &statusError{code: resp.StatusCode, after: retryAfter(resp.Header.Get("Retry-After"))}
	said := printable(resp.Header.Get("X-Error-Message"))
	code := resp.Header.Get("X-Error-Code")
	switch {
	case e.code == http.StatusTooManyRequests:
		e.kind, e.text = ErrRateLimited, fmt.Sprintf("%s: %v: try again later", u.Host, ErrRateLimited)
		if e.after > 0 {
			e.text = fmt.Sprintf("%s: %v: try again in %v", u.Host, ErrRateLimited, e.after)
		}
		if s.cfg.Token == "" {
			e.text += ", or set HF_TOKEN for a higher limit"
		}
	case e.code == http.StatusNotFound:
		what := map[string]string{"RevisionNotFound": "revision", "EntryNotFound": "file"}[code]
		e.kind, e.text = ErrNotFound, fmt.Sprintf("%s: %s %v", u.Host, firstOf(what, "repository, revision or file"), ErrNotFound)
	case code == "GatedRepo" && s.cfg.Token == "":
		e.kind, e.text = ErrAccess, fmt.Sprintf("%s: %v: accept the model's terms on its page and set HF_TOKEN", u.Host, ErrAccess)
	case code == "GatedRepo":
		e.kind, e.text = ErrAccess, fmt.Sprintf("%s: %v: the account of this token has not accepted the model's terms on its page", u.Host, ErrAccess)
	case (e.code == 401 || e.code == 403) && s.cfg.Token == "":
		e.kind, e.text = ErrAccess, fmt.Sprintf("%s: %v: the repository does not exist, or is private: then set HF_TOKEN", u.Host, ErrAccess)
	case e.code == 401 || e.code == 403:
		e.kind, e.text = ErrAccess, fmt.Sprintf("%s: %v: the token is not valid or may not read this repository", u.Host, ErrAccess)
	default:
		e.text = fmt.Sprintf("%s answered %s", u.Host, resp.Status)
	}
	if said != "" {
		e.text += " (" + said + ")"
	}
	return e
}

// getJSON decodes the answer to a GET into dst and returns its headers.
func (s *Store) getJSON(ctx context.Context, address string, dst any) (http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.ConnectTimeout+s.cfg.HeaderTimeout+s.cfg.StallTimeout)
	defer cancel()
	re, err := s.get(ctx, address, nil)
	if err != nil {
		return nil, err
	}
	defer re.Body.Close()
	b, err := io.ReadAll(io.LimitReader(re.Body, maxJSONBytes+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", re.Request.URL.Host, err)
	}
	if len(b) > maxJSONBytes {
		return nil, fmt.Errorf("%s: answer longer than %d bytes", re.Request.URL.Host, maxJSONBytes)
	}
	if err := json.Unmarshal(b, dst); err != nil {
		return nil, fmt.Errorf("%s: not the hub's protocol: %w", re.Request.URL.Host, err)
	}
	return re.Header, nil
}

// etag strips the quotes and the weakness mark of an entity tag.
func etag(s string) string { return strings.Trim(strings.TrimPrefix(s, "W/"), `"`) }

func isSHA256(s string) bool { return sha256RE.MatchString(s) }

// retryAfter reads the header's two forms.
func retryAfter(s string) time.Duration {
	if n, err := strconv.ParseUint(s, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if t, err := http.ParseTime(s); err == nil {
		return max(0, time.Until(t).Round(time.Second))
	}
	return 0
}

// printable makes a server's words safe for a terminal, at most 200 bytes.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "") + "…"
	}
	return s
}
