package hub

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path"
	"regexp"
	"strings"
)

// Kind is what a reference points at.
type Kind int

// The kinds of reference, see the package comment.
const (
	KindFile Kind = iota // a file on this machine
	KindName             // a catalogue name or the name of a stored model
	KindHub              // a file of a hub repository
	KindPip              // file(s) inside Python packages
)

// Package is one pinned Python package.
type Package struct{ Name, Version string }

// Ref is a parsed model reference. Only the fields of its Kind are set.
type Ref struct {
	Kind Kind
	Path string // KindFile, as written
	Name string // KindName

	// KindHub. At most one of File and Quant is set; with neither, the
	// repository must hold exactly one model.
	Owner, Repo string
	Revision    string // branch, tag, commit or refs/pr/N; empty means main
	File        string // path inside the repository, ending in .gguf
	Quant       string // such as Q4_K_M, any case

	Packages []Package // KindPip, in the order in which their parts are joined
}

var (
	nameRE    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,199}$`)
	repoRE    = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,95}$`)
	revRE     = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._/+-]{0,199}$`)
	quantRE   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	packageRE = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?$`)
	versionRE = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.!+_-]{0,63}$`)
)

// ParseRef reads a model reference. It looks at the disk only to see whether a
// bare word without .gguf is an existing file. Errors wrap [ErrBadRef] and say
// what was expected.
func ParseRef(s string) (Ref, error) {
	switch {
	case s == "":
		return Ref{}, badRef(s, "empty")
	case strings.ContainsRune(s, 0):
		return Ref{}, badRef(s, "NUL byte")
	case strings.HasPrefix(s, "hf:"):
		return parseHub(s, s[len("hf:"):])
	case strings.HasPrefix(s, "pip:"):
		return parsePip(s, s[len("pip:"):])
	case strings.Contains(s, "://"):
		return parseURL(s)
	case strings.HasSuffix(strings.ToLower(s), ".gguf") || strings.ContainsAny(s, `/\`):
		return Ref{Kind: KindFile, Path: s}, nil
	}
	if fi, err := os.Stat(s); err == nil && fi.Mode().IsRegular() {
		return Ref{Kind: KindFile, Path: s}, nil
	}
	if !validName(s) {
		return Ref{}, badRef(s, "want FILE.gguf, a catalogue name, hf:owner/repo[@revision][:file or quant] or pip:package==version")
	}
	return Ref{Kind: KindName, Name: s}, nil
}

// parseHub reads owner/repo[@revision][:file|quant]. A revision holds no colon
// (git forbids it), so the first colon ends the repository.
func parseHub(s, rest string) (Ref, error) {
	r := Ref{Kind: KindHub}
	repo, file, hasFile := strings.Cut(rest, ":")
	repo, rev, hasRev := strings.Cut(repo, "@")
	var ok bool
	r.Owner, r.Repo, ok = strings.Cut(repo, "/")
	if !ok || !repoPart(r.Owner) || !repoPart(r.Repo) {
		return Ref{}, badRef(s, "want hf:owner/repo[@revision][:file or quant]")
	}
	if hasRev {
		if !revRE.MatchString(rev) || strings.Contains(rev, "..") {
			return Ref{}, badRef(s, fmt.Sprintf("%q is no revision", rev))
		}
		r.Revision = rev
	}
	switch {
	case !hasFile:
	case strings.HasSuffix(strings.ToLower(file), ".gguf"):
		if !validRepoFile(file) {
			return Ref{}, badRef(s, fmt.Sprintf("%q is no path inside a repository", file))
		}
		r.File = file
	case quantRE.MatchString(file):
		r.Quant = file
	default:
		return Ref{}, badRef(s, fmt.Sprintf("%q is neither a .gguf file nor a quantization such as Q4_K_M", file))
	}
	return r, nil
}

// parseURL accepts the address of a hub page or file, as copied from a browser,
// and turns it into the hub reference that it stands for.
func parseURL(s string) (Ref, error) {
	rest, ok := strings.CutPrefix(s, defaultEndpoint+"/")
	if !ok {
		return Ref{}, badRef(s, "of addresses, only those of "+defaultEndpoint+" are understood")
	}
	rest, _, _ = strings.Cut(rest, "?")
	rest = strings.TrimSuffix(rest, "/")
	p := strings.SplitN(rest, "/", 5)
	switch {
	case len(p) == 2:
		return parseHub(s, rest)
	case len(p) == 5 && (p[2] == "resolve" || p[2] == "blob"):
		return parseHub(s, fmt.Sprintf("%s/%s@%s:%s", p[0], p[1], p[3], p[4]))
	}
	return Ref{}, badRef(s, "want the address of a repository or of a .gguf file in it")
}

func parsePip(s, rest string) (Ref, error) {
	r := Ref{Kind: KindPip}
	for part := range strings.SplitSeq(rest, ",") {
		name, version, ok := strings.Cut(part, "==")
		if !ok || !packageRE.MatchString(name) || !versionRE.MatchString(version) {
			return Ref{}, badRef(s, "want pip:package==version, further parts after commas")
		}
		r.Packages = append(r.Packages, Package{name, version})
	}
	return r, nil
}

// String returns the reference in the form that [ParseRef] reads.
func (r Ref) String() string {
	switch r.Kind {
	case KindFile:
		return r.Path
	case KindName:
		return r.Name
	case KindPip:
		parts := make([]string, len(r.Packages))
		for i, p := range r.Packages {
			parts[i] = p.Name + "==" + p.Version
		}
		return "pip:" + strings.Join(parts, ",")
	}
	s := "hf:" + r.Owner + "/" + r.Repo
	if r.Revision != "" {
		s += "@" + r.Revision
	}
	if f := r.File + r.Quant; f != "" {
		s += ":" + f
	}
	return s
}

func badRef(s, why string) error {
	if len(s) > 200 {
		s = s[:200] + "…"
	}
	return fmt.Errorf("%w: %q: %s", ErrBadRef, s, why)
}

// validName reports whether s can be the name of a stored model: one path
// element without surprises on any system.
func validName(s string) bool {
	return nameRE.MatchString(s) && !strings.Contains(s, "..") && !strings.HasSuffix(s, ".")
}

func repoPart(s string) bool {
	return repoRE.MatchString(s) && !strings.Contains(s, "..")
}

func validRepoFile(s string) bool {
	if path.IsAbs(s) || path.Clean(s) != s || s == ".." || strings.HasPrefix(s, "../") || len(s) > 400 {
		return false
	}
	for _, c := range s {
		if c < ' ' || c == 0x7f || c == '\\' {
			return false
		}
	}
	return true
}

var unsafeChars = regexp.MustCompile(`[^A-Za-z0-9._+-]+`)

// maxStoreName leaves room in a file name for shard numbers and suffixes.
const maxStoreName = 180

// storeName makes the name under which a model from outside the catalogue is
// kept: the parts joined by "--", odd characters replaced.
func storeName(parts ...string) string {
	for i, p := range parts {
		p = strings.ReplaceAll(p, "/", "--")
		p = unsafeChars.ReplaceAllString(p, "_")
		parts[i] = strings.Trim(strings.ReplaceAll(p, "..", "_"), ".")
	}
	name := strings.TrimLeft(strings.Join(parts, "--"), "._+-")
	if len(name) > maxStoreName {
		sum := sha256.Sum256([]byte(name))
		name = name[:maxStoreName-13] + "-" + hex.EncodeToString(sum[:6])
	}
	return name
}
