package hub

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
)

const (
	partSuffix   = ".part"
	wheelsSuffix = ".wheels"
	copyBuffer   = 256 << 10
)

// ggufMagic starts every GGUF file; anything else (an error page, a pointer to
// large-file storage) is refused before it gets a model's name.
var ggufMagic = []byte("GGUF")

// part is a file being written under its temporary name, with the SHA-256 of
// its first n bytes at hand. One goroutine at a time.
type part struct {
	final string
	f     *os.File
	sum   hash.Hash
	n     int64
}

// openPart opens final's .part file. With resume it goes on after the bytes
// that are there (read once for the SHA-256), otherwise it starts empty.
func openPart(ctx context.Context, final string, resume bool) (*part, error) {
	flags := os.O_RDWR | os.O_CREATE
	if !resume {
		flags |= os.O_TRUNC
	}
	path := final + partSuffix
	f, err := os.OpenFile(path, flags, 0o666)
	if err != nil {
		return nil, onDisk(path, err)
	}
	p := &part{final: final, f: f, sum: sha256.New()}
	if resume {
		if p.n, err = copyContext(ctx, p.sum, f); err != nil {
			return nil, errors.Join(onDisk(path, err), f.Close())
		}
	}
	return p, nil
}

// Write appends b. Its errors are this machine's fault.
func (p *part) Write(b []byte) (int, error) {
	n, err := p.f.Write(b)
	p.sum.Write(b[:n])
	p.n += int64(n)
	return n, onDisk(p.f.Name(), err)
}

// restart drops everything written so far.
func (p *part) restart() error {
	p.sum.Reset()
	p.n = 0
	_, err := p.f.Seek(0, io.SeekStart)
	return onDisk(p.f.Name(), errors.Join(p.f.Truncate(0), err))
}

// keep leaves the file for a later resume, if there is anything to resume.
func (p *part) keep() {
	if p.n == 0 {
		p.discard()
		return
	}
	_ = p.f.Close()
}

// discard deletes the file: its content is no use to anyone.
func (p *part) discard() {
	_ = p.f.Close()
	_ = os.Remove(p.f.Name())
	_ = os.Remove(p.f.Name() + ".json")
}

// publish gives the complete file its final name if it is what want describes
// (Bytes 0 and SHA256 "" accept any). It closes p in every case and discards a
// file that is wrong.
func (p *part) publish(want File) (File, error) {
	got := File{filepath.Base(p.final), p.n, hex.EncodeToString(p.sum.Sum(nil))}
	if err := compare(p.final, got, want); err != nil {
		p.discard()
		return File{}, err
	}
	if err := checkMagic(p.f); err != nil {
		p.discard()
		return File{}, fmt.Errorf("%s: %w", got.Name, err)
	}
	if err := errors.Join(p.f.Sync(), p.f.Close()); err != nil {
		return File{}, onDisk(p.f.Name(), err)
	}
	if err := os.Rename(p.f.Name(), p.final); err != nil {
		return File{}, onDisk(p.final, err)
	}
	_ = os.Remove(p.f.Name() + ".json")
	syncDir(filepath.Dir(p.final))
	return got, nil
}

func compare(path string, got, want File) error {
	if want.Bytes != 0 && got.Bytes != want.Bytes {
		return fmt.Errorf("%s: %w: has %d bytes, want %d", path, ErrChecksum, got.Bytes, want.Bytes)
	}
	if want.SHA256 != "" && got.SHA256 != want.SHA256 {
		return fmt.Errorf("%s: %w: SHA-256 is %s, want %s", path, ErrChecksum, got.SHA256, want.SHA256)
	}
	return nil
}

func checkMagic(r io.ReaderAt) error {
	head := make([]byte, len(ggufMagic))
	if _, err := r.ReadAt(head, 0); err != nil || !bytes.Equal(head, ggufMagic) {
		return fmt.Errorf("%w: does not start like a GGUF file (%q)", ErrChecksum, head)
	}
	return nil
}

// checkFile reads path and compares it with want, as [part.publish] does.
func checkFile(path string, want File) error {
	return checkFileContext(context.Background(), path, want)
}

func checkFileContext(ctx context.Context, path string, want File) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("check model: %w", err)
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return fmt.Errorf("check model: %w", err)
	}
	got := File{filepath.Base(path), fi.Size(), want.SHA256}
	if err := compare(path, got, want); err != nil { // the size first: it costs nothing
		return err
	}
	if err := checkMagic(f); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if want.SHA256 == "" {
		return nil
	}
	sum := sha256.New()
	if got.Bytes, err = copyContext(ctx, sum, f); err != nil {
		return fmt.Errorf("check %s: %w", path, err)
	}
	got.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return compare(path, got, want)
}

// describeFile returns the description of a file whose SHA-256 is known.
func describeFile(path, sha256 string) (File, error) {
	fi, err := os.Stat(path)
	if err != nil {
		return File{}, onDisk(path, err)
	}
	return File{filepath.Base(path), fi.Size(), sha256}, nil
}

// copyContext copies until EOF or until ctx ends.
func copyContext(ctx context.Context, w io.Writer, r io.Reader) (int64, error) {
	buf := make([]byte, copyBuffer)
	var n int64
	for {
		if ctx.Err() != nil {
			return n, context.Cause(ctx)
		}
		k, err := r.Read(buf)
		if k > 0 {
			if _, werr := w.Write(buf[:k]); werr != nil {
				return n, werr
			}
			n += int64(k)
		}
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// writeFileAtomic replaces path by a flushed file with content b.
func writeFileAtomic(path string, b []byte) error {
	tmp := fmt.Sprintf("%s.%d.%x.tmp", path, os.Getpid(), rand.Uint64())
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return onDisk(path, err)
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		_ = os.Remove(tmp)
		return onDisk(path, err)
	}
	return nil
}

// syncDir makes a rename durable where the system can flush folders. Not all
// can, and the file itself is flushed already: no error.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}
