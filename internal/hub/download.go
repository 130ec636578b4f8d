package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	maxFailures = 4                // in a row without a new byte
	maxPause    = 10 * time.Second // a server that asks for more is not waited for
)

// partState says what a .part file is the beginning of. It is kept beside it.
type partState struct {
	Address string `json:"address"`
	ETag    string `json:"etag,omitempty"`   // of the host that serves the bytes
	SHA256  string `json:"sha256,omitempty"` // as the hub announced it
	Bytes   int64  `json:"bytes,omitempty"`
}

// download is the fetching of one file, over as many connections as it takes.
type download struct {
	s       *Store
	ref     Ref
	address string
	want    File // grows with what the hub announces
	label   string
	opt     Options

	part    *part
	state   partState
	resumed bool   // some bytes come from an earlier connection
	commit  string // of the repository
	here    *File  // the file, when it turned out to be on this machine
	cached  bool   // here comes from the hub client's cache
}

// errHere ends an attempt whose file turned out to be on this machine.
var errHere = errors.New("already here")

// retryError wraps a fault that another attempt may not meet.
type retryError struct{ err error }

func (e *retryError) Error() string { return e.err.Error() }
func (e *retryError) Unwrap() error { return e.err }

// run fetches the file to its final name. Whatever ends it early leaves a .part
// file with which the next run goes on, unless its content proved wrong.
func (d *download) run(ctx context.Context, final string) (File, error) {
	file, err := d.pass(ctx, final)
	if errors.Is(err, ErrChecksum) && d.resumed { // the old bytes may be the bad ones
		d.opt.status("%v: starting over", err)
		d.resumed = false
		file, err = d.pass(ctx, final)
	}
	return file, err
}

func (d *download) pass(ctx context.Context, final string) (File, error) {
	if err := d.open(ctx, final); err != nil {
		return File{}, err
	}
	failures := 0
	for {
		before := d.part.n
		err := d.attempt(ctx, final)
		if err == nil {
			return d.part.publish(d.want)
		}
		if errors.Is(err, errHere) {
			d.part.discard()
			return *d.here, nil
		}
		if errors.Is(err, ErrChecksum) {
			d.part.discard()
			return File{}, err
		}
		if d.part.n > before {
			failures = 0
		}
		failures++
		var again *retryError
		// a first connection that fails is a reason to try another source, not to wait
		if !errors.As(err, &again) || failures > maxFailures || ctx.Err() != nil || isLocal(err) {
			d.part.keep()
			return File{}, err
		}
		d.opt.status("%s: %v: going on at byte %d", d.label, err, d.part.n)
		if err := pause(ctx, d.s.cfg.RetryDelay<<(failures-1), err); err != nil {
			d.part.keep()
			return File{}, err
		}
	}
}

// open opens the .part file: a fitting earlier one, or an empty one.
func (d *download) open(ctx context.Context, final string) error {
	d.state = partState{}
	b, err := os.ReadFile(final + partSuffix + ".json")
	fits := err == nil && json.Unmarshal(b, &d.state) == nil && d.state.Address == d.address &&
		(d.want.SHA256 == "" || d.state.SHA256 == "" || d.state.SHA256 == d.want.SHA256)
	if !fits {
		d.state = partState{Address: d.address}
	}
	d.part, err = openPart(ctx, final, fits)
	return err
}

// attempt goes on with the file over one connection.
func (d *download) attempt(ctx context.Context, final string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	header, ranged := d.rangeHeader()
	re, err := d.s.get(ctx, d.address, header)
	if err != nil {
		return d.classify(err)
	}
	defer re.Body.Close()
	d.commit = firstOf(d.commit, re.commit)
	if err := d.accept(re); err != nil {
		return err
	}
	if d.part.n == 0 && d.want.SHA256 != "" && d.onThisMachine(ctx, final) {
		return errHere
	}
	total, err := d.position(re, ranged)
	if err != nil || re.StatusCode == http.StatusRequestedRangeNotSatisfiable {
		return err
	}
	if err := d.remember(re, total); err != nil {
		return err
	}
	return d.copy(ctx, cancel, re.Body, total)
}

// onThisMachine looks for the wanted file under its final name (a pull of
// several shards was interrupted after this one) and in the hub client's cache.
func (d *download) onThisMachine(ctx context.Context, final string) bool {
	if checkFileContext(ctx, final, d.want) == nil {
		f, err := describeFile(final, d.want.SHA256)
		d.here = &f
		return err == nil
	}
	f, ok := d.s.fromCache(ctx, d.ref, d.ref.File, final, d.want)
	d.here, d.cached = &f, ok
	return ok
}

// rangeHeader asks for the missing rest if there is a way to be sure that it is
// the rest of the same file: a strong tag, or a SHA-256 to compare at the end.
func (d *download) rangeHeader() (http.Header, bool) {
	strong := d.state.ETag != "" && !strings.HasPrefix(d.state.ETag, "W/")
	if d.part.n == 0 || !strong && d.state.SHA256 == "" && d.want.SHA256 == "" {
		return nil, false
	}
	h := http.Header{"Range": {fmt.Sprintf("bytes=%d-", d.part.n)}}
	if strong {
		h.Set("If-Range", d.state.ETag)
	}
	return h, true
}

// classify marks errors of getting an answer that may pass.
func (d *download) classify(err error) error {
	var status *statusError
	switch {
	case errors.As(err, &status):
		if (status.code == 429 || status.code >= 500) && status.after <= maxPause {
			return &retryError{err}
		}
	case d.part.n > 0 && !errors.Is(err, ErrOffline):
		return &retryError{err}
	}
	return err
}

// accept compares what the hub announces with what is wanted and what the .part
// file began as.
func (d *download) accept(re *reply) error {
	if re.sha256 != "" {
		if d.want.SHA256 != "" && re.sha256 != d.want.SHA256 {
			return fmt.Errorf("%w: the hub offers SHA-256 %s, want %s", ErrChecksum, re.sha256, d.want.SHA256)
		}
		if d.state.SHA256 != "" && d.state.SHA256 != re.sha256 && d.part.n > 0 {
			return d.again("the file has changed")
		}
		d.want.SHA256 = re.sha256
	}
	if re.bytes != 0 {
		if d.want.Bytes != 0 && re.bytes != d.want.Bytes {
			return fmt.Errorf("%w: the hub offers %d bytes, want %d", ErrChecksum, re.bytes, d.want.Bytes)
		}
		d.want.Bytes = re.bytes
	}
	return nil
}

// again starts over with an empty file.
func (d *download) again(why string) error {
	if err := d.part.restart(); err != nil {
		return err
	}
	d.state = partState{Address: d.address}
	d.resumed = false
	return &retryError{errors.New(why)}
}

// position finds out where in the file the answer's body starts and how long
// the file is (0: not known).
func (d *download) position(re *reply, ranged bool) (total int64, err error) {
	switch re.StatusCode {
	case http.StatusPartialContent:
		start, total, ok := contentRange(re.Header.Get("Content-Range"))
		if !ranged || !ok || start != d.part.n {
			return 0, d.again("the server sent another range than the one asked for")
		}
		d.resumed = true
		return total, d.checkTotal(total)
	case http.StatusRequestedRangeNotSatisfiable:
		_, total, ok := contentRange(re.Header.Get("Content-Range"))
		if ranged && (ok && total == d.part.n || d.want.Bytes != 0 && d.want.Bytes == d.part.n) {
			d.resumed = true
			return total, nil // complete: the SHA-256 decides
		}
		if !ranged {
			return 0, fmt.Errorf("%s answered %s", re.Request.URL.Host, re.Status)
		}
		return 0, d.again("the server has fewer bytes than are here")
	}
	if d.part.n > 0 {
		if err := d.part.restart(); err != nil {
			return 0, err
		}
		d.resumed = false
	}
	return max(0, re.ContentLength), d.checkTotal(re.ContentLength)
}

func (d *download) checkTotal(total int64) error {
	if total > 0 && d.want.Bytes != 0 && total != d.want.Bytes {
		return fmt.Errorf("%w: the server has %d bytes, want %d", ErrChecksum, total, d.want.Bytes)
	}
	return nil
}

// contentRange reads "bytes 5-9/10" and "bytes */10".
func contentRange(s string) (start, total int64, ok bool) {
	s, ok = strings.CutPrefix(s, "bytes ")
	span, size, ok2 := strings.Cut(s, "/")
	if !ok || !ok2 {
		return 0, 0, false
	}
	total, err := strconv.ParseInt(size, 10, 64)
	if err != nil || total < 0 {
		return 0, 0, false
	}
	if span == "*" {
		return 0, total, true
	}
	first, last, ok := strings.Cut(span, "-")
	start, err = strconv.ParseInt(first, 10, 64)
	end, err2 := strconv.ParseInt(last, 10, 64)
	return start, total, ok && err == nil && err2 == nil && start >= 0 && end >= start && end == total-1
}

// remember writes down what the .part file is, before its first byte.
func (d *download) remember(re *reply, total int64) error {
	d.state = partState{d.address, re.Header.Get("Etag"), firstOf(re.sha256, d.want.SHA256), total}
	b, err := json.Marshal(d.state)
	if err != nil {
		return fmt.Errorf("describe download: %w", err)
	}
	return writeFileAtomic(d.part.f.Name()+".json", b)
}

// copy appends the body. Silence for StallTimeout ends the connection.
func (d *download) copy(ctx context.Context, cancel context.CancelCauseFunc, body io.Reader, total int64) error {
	silence := time.AfterFunc(d.s.cfg.StallTimeout, func() { cancel(errStalled) })
	defer silence.Stop()
	limit := int64(maxModelBytes)
	if total = max(total, d.want.Bytes); total > 0 {
		limit = total
	}
	w := &progressWriter{d.part, func(done, total int64, label string) {
		silence.Reset(d.s.cfg.StallTimeout)
		d.opt.Progress(done, total, label)
	}, total, d.label}
	_, err := copyContext(ctx, w, io.LimitReader(body, limit-d.part.n+1))
	switch {
	case err == nil && total > 0 && d.part.n < total:
		return &retryError{io.ErrUnexpectedEOF}
	case err == nil && d.part.n > limit:
		return fmt.Errorf("%w: more than %d bytes", ErrChecksum, limit)
	case err == nil || isLocal(err):
		return err
	case errors.Is(context.Cause(ctx), errStalled):
		return &retryError{errStalled}
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return &retryError{err}
}

// pause waits before the next attempt, as long as a server asked for.
func pause(ctx context.Context, d time.Duration, why error) error {
	var status *statusError
	if errors.As(why, &status) {
		d = max(d, status.after)
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(min(d, maxPause)):
		return nil
	}
}
