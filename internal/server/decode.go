package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// bodyTimeout is how long a client may take to send a body.
const bodyTimeout = 30 * time.Second

// readBody reads a JSON body to its end, which net/http needs to notice that
// a client leaves.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request) (*fields, error) {
	if r.URL.RawQuery != "" {
		return nil, badRequest("unknown_field", "", "query parameters are not used here")
	}
	if err := checkContentType(r); err != nil {
		return nil, err
	}
	if r.ContentLength > maxBody {
		return nil, tooLarge()
	}
	c := http.NewResponseController(w)
	_ = c.SetReadDeadline(time.Now().Add(bodyTimeout)) // in tests there is no connection
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	_ = c.SetReadDeadline(time.Time{})
	if err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return nil, tooLarge()
		}
		return nil, &apiError{status: http.StatusRequestTimeout, kind: kindInvalid, code: "body_incomplete", message: "the body did not arrive"}
	}
	n, bad := parseTree(body)
	if bad != nil {
		return nil, bad
	}
	if n.kind != objectNode {
		return nil, badRequest("invalid_json", "", "the body must be an object, not %s", n.kind)
	}
	return &fields{n: n, d: &decoder{}}, nil
}

func tooLarge() *apiError {
	return &apiError{status: http.StatusRequestEntityTooLarge, kind: kindInvalid, code: "body_too_large", message: fmt.Sprintf("the body is larger than %d bytes", maxBody)}
}

// checkContentType demands JSON, so that no page elsewhere can post a form. A
// command-line client may leave the type of an Ollama request out.
func checkContentType(r *http.Request) error {
	ct := r.Header.Get("Content-Type")
	if t, _, err := mime.ParseMediaType(ct); err == nil && t == "application/json" {
		return nil
	}
	x := infoOf(r)
	browser := r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != ""
	if x.route != nil && x.route.ollama && !browser && (ct == "" || strings.HasPrefix(ct, "application/x-www-form-urlencoded")) {
		return nil
	}
	return &apiError{status: http.StatusUnsupportedMediaType, kind: kindInvalid, code: "content_type", message: "the content type must be application/json"}
}

// decoder keeps the first error of a request.
type decoder struct{ err *apiError }

func (d *decoder) fail(e *apiError) {
	if d.err == nil {
		d.err = e
	}
}

// fields reads the members of an object. Reading marks them; what nobody has
// read in the end is unknown. An absent field and null are the same.
type fields struct {
	n    *node
	d    *decoder
	path string // "" = the body
	used []string
}

// done reports the first error, or a member that was not read.
func (f *fields) done() error {
	if f.d.err == nil {
		for _, name := range slices.Sorted(maps.Keys(f.n.fields)) {
			if !slices.Contains(f.used, name) {
				hint := ""
				for _, u := range f.used {
					if strings.EqualFold(u, name) {
						hint = fmt.Sprintf(" (did you mean %s?)", u)
					}
				}
				f.d.fail(badRequest("unknown_field", f.at(name), "unknown field %s%s", f.at(name), hint))
				break
			}
		}
	}
	if f.d.err != nil {
		return f.d.err
	}
	return nil
}

// at is the path of a member.
func (f *fields) at(name string) string {
	if f.path == "" {
		return name
	}
	return f.path + "." + name
}

// get returns a member, nil when absent or null.
func (f *fields) get(name string) *node {
	f.used = append(f.used, name)
	n := f.n.fields[name]
	if n == nil || n.kind == nullNode {
		return nil
	}
	return n
}

func (f *fields) has(name string) bool {
	n := f.n.fields[name]
	return n != nil && n.kind != nullNode
}

func (f *fields) wrong(name string, n *node, want string) {
	f.d.fail(invalidValue(f.at(name), "%s must be %s, not %s", f.at(name), want, n.kind))
}

// str reads a string of at most limit bytes.
func (f *fields) str(name, def string, limit int) string {
	n := f.get(name)
	switch {
	case n == nil:
		return def
	case n.kind != stringNode:
		f.wrong(name, n, "a string")
		return def
	case limit > 0 && len(n.text) > limit:
		f.d.fail(invalidValue(f.at(name), "%s has %d bytes, the limit is %d", f.at(name), len(n.text), limit))
	}
	return n.text
}

// word reads one of some strings.
func (f *fields) word(name, def string, words ...string) string {
	v := f.str(name, def, 64)
	if !slices.Contains(words, v) {
		f.d.fail(invalidValue(f.at(name), "%s must be one of %s", f.at(name), strings.Join(words, ", ")))
		return def
	}
	return v
}

func (f *fields) boolean(name string, def bool) bool {
	n := f.get(name)
	if n == nil {
		return def
	}
	if n.kind != boolNode {
		f.wrong(name, n, "a boolean")
	}
	return n.truth
}

// integer reads a whole number from lo to hi.
func (f *fields) integer(name string, def, lo, hi int) int {
	n := f.get(name)
	if n == nil {
		return def
	}
	v, ok := n.integer()
	if !ok {
		f.d.fail(invalidValue(f.at(name), "%s must be a whole number", f.at(name)))
		return def
	}
	if v < int64(lo) || v > int64(hi) {
		f.d.fail(invalidValue(f.at(name), "%s is %d, it must be from %d to %d", f.at(name), v, lo, hi))
		return def
	}
	return int(v)
}

// float reads a number from lo to hi.
func (f *fields) float(name string, def, lo, hi float64) float64 {
	n := f.get(name)
	if n == nil {
		return def
	}
	v, ok := n.number()
	if !ok {
		f.d.fail(invalidValue(f.at(name), "%s must be a number", f.at(name)))
		return def
	}
	if v < lo || v > hi {
		f.d.fail(invalidValue(f.at(name), "%s is %v, it must be from %v to %v", f.at(name), v, lo, hi))
		return def
	}
	return v
}

// object reads an object; nil when absent.
func (f *fields) object(name string) *fields {
	n := f.get(name)
	if n == nil {
		return nil
	}
	if n.kind != objectNode {
		f.wrong(name, n, "an object")
		return nil
	}
	return &fields{n: n, d: f.d, path: f.at(name)}
}

// objects reads a list of objects, at most limit.
func (f *fields) objects(name string, limit int) []*fields {
	var out []*fields
	for i, n := range f.list(name, limit) {
		path := f.at(name) + "[" + strconv.Itoa(i) + "]"
		if n.kind != objectNode {
			f.d.fail(invalidValue(path, "%s must be an object, not %s", path, n.kind))
			return nil
		}
		out = append(out, &fields{n: n, d: f.d, path: path})
	}
	return out
}

// list reads a list of at most limit values.
func (f *fields) list(name string, limit int) []*node {
	n := f.get(name)
	if n == nil {
		return nil
	}
	if n.kind != listNode {
		f.wrong(name, n, "a list")
		return nil
	}
	if len(n.list) > limit {
		f.d.fail(invalidValue(f.at(name), "%s has %d entries, the limit is %d", f.at(name), len(n.list), limit))
		return nil
	}
	return n.list
}

// strs reads a string or a list of strings.
func (f *fields) strs(name string, limit, bytes int) []string {
	if n := f.get(name); n != nil && n.kind == stringNode {
		return []string{f.str(name, "", bytes)}
	}
	var out []string
	for i, n := range f.list(name, limit) {
		path := fmt.Sprintf("%s[%d]", f.at(name), i)
		switch {
		case n.kind != stringNode:
			f.d.fail(invalidValue(path, "%s must be a string, not %s", path, n.kind))
		case len(n.text) > bytes:
			f.d.fail(invalidValue(path, "%s has %d bytes, the limit is %d", path, len(n.text), bytes))
		}
		out = append(out, n.text)
	}
	return out
}

// raw reads any value as JSON text; nil when absent.
func (f *fields) raw(name string) json.RawMessage {
	n := f.get(name)
	if n == nil {
		return nil
	}
	return n.json()
}

// json is the JSON text of a node.
func (n *node) json() json.RawMessage {
	switch n.kind {
	case boolNode:
		return strconv.AppendBool(nil, n.truth)
	case numberNode:
		return json.RawMessage(n.text)
	case stringNode:
		b, err := marshal(n.text)
		if err != nil { // a string always encodes
			return json.RawMessage(`""`)
		}
		return b
	case listNode, objectNode:
		return n.raw
	}
	return json.RawMessage("null")
}

// ignore accepts a field that has no effect here.
func (f *fields) ignore(names ...string) {
	for _, n := range names {
		f.get(n)
	}
}

// only accepts a field with one of some values, which change nothing.
func (f *fields) only(name string, values ...string) {
	if n := f.get(name); n != nil && !slices.Contains(values, string(n.json())) {
		f.d.fail(unsupported(f.at(name), fmt.Sprintf(" with this value; it may be %s", strings.Join(values, " or "))))
	}
}

// refuse names fields that are known and not supported.
func (f *fields) refuse(why string, names ...string) {
	for _, n := range names {
		if f.has(n) {
			f.d.fail(unsupported(f.at(n), why))
		}
		f.get(n)
	}
}
