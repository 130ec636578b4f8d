package kvcache

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
)

// Errors of saved sequences.
var (
	// ErrSaved: the file is no saved sequence, or a damaged one.
	ErrSaved = errors.New("no intact saved session")
	// ErrOtherModel: the file belongs to another model, or to other settings that
	// change what is stored.
	ErrOtherModel = errors.New("session of another model")
)

// A saved sequence is a chain of sections, each {kind, length, bytes, CRC-32C of
// all of these}; the last one counts the others. The first holds magic and
// version.
const (
	saveMagic   = "KVSQ"
	saveVersion = 1

	sectionHead   = "HEAD"
	sectionUser   = "USER"
	sectionLanes  = "SEQU"
	sectionQuery  = "QRYS"
	sectionBlocks = "BLKS"
	sectionEnd    = "END."
)

// sections is the order in which they come.
var sections = []string{sectionHead, sectionUser, sectionLanes, sectionQuery, sectionBlocks, sectionEnd}

// sectionOver is what a section takes beside its bytes.
const sectionOver = 4 + 8 + 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sectionWriter writes one section of a length that is known before.
type sectionWriter struct {
	w   io.Writer
	sum hash.Hash32
	err error
}

func newSection(w io.Writer, kind string, n int64) *sectionWriter {
	s := &sectionWriter{w: w, sum: crc32.New(castagnoli)}
	s.write([]byte(kind))
	s.write(binary.LittleEndian.AppendUint64(nil, uint64(n)))
	return s
}

func (s *sectionWriter) write(b []byte) {
	if s.err != nil {
		return
	}
	s.sum.Write(b) // never fails
	_, s.err = s.w.Write(b)
}

func (s *sectionWriter) close() error {
	s.write(binary.LittleEndian.AppendUint32(nil, s.sum.Sum32()))
	return s.err
}

func writeSection(w io.Writer, kind string, b []byte) error {
	s := newSection(w, kind, int64(len(b)))
	s.write(b)
	return s.close()
}

// Save writes the sequence, and user with it, so that Cache.Load can go on with
// it to the bit.
func (s *Seq) Save(w io.Writer, user []byte) error {
	if err := s.usable(); err != nil {
		return err
	}
	state, err := s.state.MarshalBinary()
	if err != nil {
		return fmt.Errorf("cache policy %s: %w", s.policy.Name(), err)
	}
	parts := [][]byte{s.cache.saveHead(), user, s.saveLanes(state), s.saveQueries()}
	for i, b := range parts {
		if err := writeSection(w, sections[i], b); err != nil {
			return err
		}
	}
	if err := s.saveBlocks(w); err != nil {
		return err
	}
	return writeSection(w, sectionEnd, []byte{byte(len(sections))})
}

// SaveFile saves the sequence under a name, crash-safe: whatever happens, the
// name stands for the old file or for the whole new one.
func (s *Seq) SaveFile(path string, user []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("save %s: %w", path, errors.Join(err, ignoreClosed(f.Close()), os.Remove(f.Name())))
		}
	}()
	w := bufio.NewWriterSize(f, 1<<20)
	if err := errors.Join(s.Save(w, user), w.Flush()); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	syncDir(filepath.Dir(path))
	return nil
}

func ignoreClosed(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

// syncDir makes a rename durable, where folders can be synced.
func syncDir(path string) {
	if d, err := os.Open(path); err == nil {
		_ = d.Sync() // the rename stands in any case; some systems cannot sync folders
		_ = d.Close()
	}
}

// saveHead says what the file is and what cache it fits.
func (c *Cache) saveHead() []byte {
	b := append([]byte(saveMagic), saveVersion)
	b = append(b, c.cfg.ModelKey[:]...)
	w := &stateWriter{b: b}
	w.ints(int(c.cfg.K), int(c.cfg.V), len(c.cfg.Layers), BlockSlots)
	for _, l := range c.cfg.Layers {
		w.ints(l.KVHeads, l.KDim, l.VDim, l.Window)
	}
	return w.b
}

// saveLanes describes the sequence and its lanes.
func (s *Seq) saveLanes(state []byte) []byte {
	w := newStateWriter()
	const low = 1<<31 - 1
	w.ints(s.n, s.frozen, s.count.compactions, int(s.count.dropped>>31), int(s.count.dropped&low), int(s.count.merged>>31), int(s.count.merged&low))
	w.bytes([]byte(s.spec))
	w.bytes(state)
	for i := range s.lanes {
		l := &s.lanes[i]
		w.ints(l.first, l.tail, len(l.blocks))
		m := l.meta
		if m == nil {
			w.ints(0)
			continue
		}
		kind := 1
		if m.logW != nil {
			kind = 2
		}
		w.ints(kind, m.at, m.base, m.gap, len(m.fills))
		for b := range m.fills {
			w.ints(int(m.fills[b]), int(uint32(m.shifts[b]<<1^m.shifts[b]>>31)))
		}
		last := int32(0)
		for b := range l.blocks {
			for j := range l.fill(b) {
				p := m.pos[b*BlockSlots+j]
				w.ints(int(p - last))
				last = p
			}
		}
		if kind == 2 {
			w.floats(m.logW[:l.tail])
		}
	}
	return w.b
}

func (w *stateWriter) bytes(b []byte) {
	w.ints(len(b))
	w.b = append(w.b, b...)
}

// saveQueries holds what was kept of the queries.
func (s *Seq) saveQueries() []byte {
	w := newStateWriter()
	if r := s.recent; r != nil {
		w.ints(1, r.keep)
		for _, p := range r.pos {
			w.ints(int(p + 1))
		}
		for _, l := range r.lanes {
			w.floats(l)
		}
	} else {
		w.ints(0)
	}
	if o := s.observed; o != nil {
		w.ints(1, o.cap, o.start, o.stride, o.n)
		for _, l := range o.lanes {
			w.floats(l)
		}
	} else {
		w.ints(0)
	}
	return w.b
}

// saveBlocks writes all blocks, lane by lane. What lies in slots that are not
// in use may belong to somebody else: zeros stand for it.
func (s *Seq) saveBlocks(w io.Writer) error {
	n := int64(0)
	for i := range s.lanes {
		n += int64(len(s.lanes[i].blocks) * s.cache.lanes[i].class.size)
	}
	out := newSection(w, sectionBlocks, n)
	var buf []byte
	for i := range s.lanes {
		l, ls := &s.lanes[i], &s.cache.lanes[i]
		for k, id := range l.blocks {
			fill := l.fill(l.first + k)
			mem := ls.class.bytes(id)
			buf = append(buf[:0], make([]byte, ls.class.size)...)
			s.cache.cfg.K.copyK(buf, mem, ls.spec.KDim, 0, 0, fill)
			s.cache.cfg.V.copyV(buf[ls.kBytes:], mem[ls.kBytes:], ls.spec.VDim, 0, 0, fill)
			out.write(buf)
		}
	}
	return out.close()
}
