package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"kvasir"
	"kvasir/kvcache"
)

// policyHelp lists the cache policies with their parameters.
func policyHelp() string {
	var b strings.Builder
	b.WriteString("Cache policies, --kv NAME or --kv NAME:key=value,...:\n")
	for _, name := range kvcache.PolicyNames() {
		fmt.Fprintf(&b, "  %-9s%s\n", name, kvcache.Policies[name].Help())
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// cacheLine says what a session's cache holds.
func cacheLine(s *kvcache.SeqStats) string {
	if s.Tokens == 0 {
		return ""
	}
	line := fmt.Sprintf("cache    %6d tokens  %8.0f slots      %s, %s of %s dense (%.0f %%), peak %s",
		s.Tokens, s.Slots, s.Policy, byteSize(s.Bytes), byteSize(s.BytesDense), 100*float64(s.Bytes)/float64(max(1, s.BytesDense)), byteSize(s.Peak))
	if s.Compactions > 0 {
		line += fmt.Sprintf("; %d cuts, %d slots dropped, %d merged", s.Compactions, s.Dropped, s.Merged)
	}
	if s.Reused > 0 {
		line += fmt.Sprintf("; %d tokens reused", s.Reused)
	}
	return line + "\n"
}

// openSession loads the session of a file, or starts one where there is none.
func openSession(eng *kvasir.Engine, path string) (*kvasir.Session, error) {
	if path == "" {
		return eng.NewSession()
	}
	s, err := eng.LoadSession(path)
	if errors.Is(err, fs.ErrNotExist) {
		return eng.NewSession()
	}
	return s, err
}
