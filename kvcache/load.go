package kvcache

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"os"
)

// savedPart is the place of a section's bytes in a file.
type savedPart struct {
	at, n int64
}

// LoadFile opens the sequence that a file holds; see Load.
func (c *Cache) LoadFile(path string) (s *Seq, user []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	s, user, err = c.Load(f, st.Size())
	if err != nil {
		return nil, nil, fmt.Errorf("load %s: %w", path, err)
	}
	return s, user, nil
}

// Load returns a sequence as Seq.Save wrote it, and what was saved with it.
// The whole file is verified before the cache is touched: errors wrap ErrSaved
// for files that are damaged in any way, ErrOtherModel for those of another
// model, ErrPool where there is no room.
func (c *Cache) Load(r io.ReaderAt, size int64) (s *Seq, user []byte, err error) {
	parts, err := verify(r, size)
	if err != nil {
		return nil, nil, err
	}
	read := func(kind int) []byte {
		b := make([]byte, parts[kind].n)
		if err == nil {
			_, err = r.ReadAt(b, parts[kind].at)
		}
		return b
	}
	head, user, lanes, queries := read(0), read(1), read(2), read(3)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrSaved, err)
	}
	if err := c.checkHead(head); err != nil {
		return nil, nil, err
	}
	l := &loading{c: c, d: newStateReader(lanes)}
	if err := l.parse(); err != nil {
		return nil, nil, err
	}
	if err := l.parseQueries(queries); err != nil {
		return nil, nil, err
	}
	if err := l.fill(r, parts[4]); err != nil {
		return nil, nil, err
	}
	return l.s, user, nil
}

// verify checks every byte of a saved sequence and returns its sections.
func verify(r io.ReaderAt, size int64) ([]savedPart, error) {
	bad := func(format string, args ...any) ([]savedPart, error) {
		return nil, fmt.Errorf("%w: %s", ErrSaved, fmt.Sprintf(format, args...))
	}
	var parts []savedPart
	at, buf := int64(0), make([]byte, min(size, 1<<16))
	for _, kind := range sections {
		var head [12]byte
		if size-at < sectionOver {
			return bad("it ends at byte %d", size)
		}
		if _, err := r.ReadAt(head[:], at); err != nil {
			return bad("%v", err)
		}
		n := int64(binary.LittleEndian.Uint64(head[4:]))
		if string(head[:4]) != kind || n < 0 || n > size-at-sectionOver {
			return bad("section %s at byte %d", kind, at)
		}
		sum := crc32.New(castagnoli)
		if _, err := io.CopyBuffer(sum, io.NewSectionReader(r, at, 12+n), buf); err != nil {
			return bad("%v", err)
		}
		var tail [4]byte
		if _, err := r.ReadAt(tail[:], at+12+n); err != nil {
			return bad("%v", err)
		}
		if binary.LittleEndian.Uint32(tail[:]) != sum.Sum32() {
			return bad("section %s has a wrong checksum", kind)
		}
		parts = append(parts, savedPart{at + 12, n})
		at += sectionOver + n
	}
	if at != size {
		return bad("%d bytes after the end", size-at)
	}
	return parts, nil
}

// checkHead compares the first section with that of this cache.
func (c *Cache) checkHead(head []byte) error {
	switch n := len(saveMagic); {
	case len(head) < n+1 || string(head[:n]) != saveMagic:
		return fmt.Errorf("%w: not a session file", ErrSaved)
	case head[n] != saveVersion:
		return fmt.Errorf("%w: version %d, this program reads %d", ErrSaved, head[n], saveVersion)
	case !bytes.Equal(head, c.saveHead()):
		return fmt.Errorf("%w: model, precision or cache type differ", ErrOtherModel)
	}
	return nil
}

// loading is a sequence on its way from a file.
type loading struct {
	c      *Cache
	d      *stateReader
	s      *Seq
	blocks []int // per lane
}

func (l *loading) bad(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrSaved, fmt.Sprintf(format, args...))
}

func (r *stateReader) bytes() []byte {
	n := r.int()
	if r.err == nil && n > len(r.b) {
		r.err = fmt.Errorf("%w: %d bytes of %d", errState, n, len(r.b))
	}
	if r.err != nil {
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

// parse reads the description of the sequence; its blocks are not there yet.
func (l *loading) parse() error {
	d := l.d
	n, frozen := d.int(), d.int()
	count := counters{compactions: d.int()}
	count.dropped = int64(d.int())<<31 + int64(d.int())
	count.merged = int64(d.int())<<31 + int64(d.int())
	spec, blob := string(d.bytes()), d.bytes()
	if d.err != nil {
		return l.bad("%v", d.err)
	}
	p, params, err := LookupPolicy(spec)
	if err != nil {
		return fmt.Errorf("saved session: %w", err)
	}
	st, err := p.New(params, &l.c.cfg)
	if err == nil {
		err = st.UnmarshalBinary(blob)
	}
	if err != nil {
		return fmt.Errorf("saved session: cache policy %s: %w", p.Name(), err)
	}
	s := &Seq{cache: l.c, spec: spec, policy: p, state: st, needs: st.Needs(), lanes: make([]lane, len(l.c.lanes)), epoch: 1, n: n, frozen: frozen, count: count}
	l.s, l.blocks = s, make([]int, len(s.lanes))
	if frozen > n || !s.needs.Endless && n > l.c.cfg.Ctx {
		return fmt.Errorf("%w: the session has %d tokens, the context holds %d", ErrFull, n, l.c.cfg.Ctx)
	}
	for i := range s.lanes {
		if err := l.lane(i); err != nil {
			return err
		}
	}
	if err := d.done(); err != nil {
		return l.bad("%v", err)
	}
	if live := s.Live(); live > l.c.cfg.Ctx {
		return fmt.Errorf("%w: the session keeps %d tokens, the context holds %d", ErrFull, live, l.c.cfg.Ctx)
	}
	return nil
}

// lane reads the description of one lane and checks it against itself.
func (l *loading) lane(i int) error {
	d, s := l.d, l.s
	ln, w := &s.lanes[i], l.c.lanes[i].spec.Window
	ln.first, ln.tail, l.blocks[i] = d.int(), d.int(), d.int()
	kind := d.int()
	if d.err != nil {
		return l.bad("%v", d.err)
	}
	if (ln.tail+BlockSlots-1)/BlockSlots-ln.first != l.blocks[i] {
		return l.bad("lane %d: %d blocks from %d for %d slots", i, l.blocks[i], ln.first, ln.tail)
	}
	if kind == 0 {
		switch {
		case ln.tail != s.n, w == 0 && ln.first != 0:
			return l.bad("lane %d: %d slots from block %d for %d tokens", i, ln.tail, ln.first, s.n)
		case w > 0 && ln.first*BlockSlots > max(0, s.n-w+1):
			return l.bad("lane %d: window starts at block %d", i, ln.first)
		}
		return nil
	}
	if kind > 2 || w > 0 || ln.first != 0 {
		return l.bad("lane %d: kind %d", i, kind)
	}
	return l.meta(i, kind == 2)
}

// meta reads the description of a lane that was cut.
func (l *loading) meta(i int, weighted bool) error {
	d, s, ln := l.d, l.s, &l.s.lanes[i]
	m := &laneMeta{at: d.int(), base: d.int(), gap: d.int()}
	nb := d.int()
	if d.err != nil || nb > l.blocks[i] || m.at > s.n || m.base > ln.tail || ln.tail-m.base != s.n-m.at {
		return l.bad("lane %d: cut at %d of %d, slot %d of %d", i, m.at, s.n, m.base, ln.tail)
	}
	gap := 0
	for b := range nb {
		f, z := d.int(), uint32(d.int())
		if f < 1 || f > BlockSlots {
			return l.bad("lane %d: block %d of %d slots", i, b, f)
		}
		m.fills, m.shifts = append(m.fills, uint8(f)), append(m.shifts, int32(z>>1)^-int32(z&1))
		if (b+1)*BlockSlots <= ln.tail {
			gap += BlockSlots - f
		}
	}
	if gap != m.gap {
		return l.bad("lane %d: %d unused slots, %d counted", i, m.gap, gap)
	}
	ln.meta = m
	m.pos = make([]int32, l.blocks[i]*BlockSlots)
	last := 0
	for b := range l.blocks[i] {
		for j := range ln.fill(b) {
			last += d.int()
			if d.err != nil || last >= s.n {
				return l.bad("lane %d: position %d of %d", i, last, s.n)
			}
			m.pos[b*BlockSlots+j] = int32(last)
		}
	}
	if weighted {
		m.logW = d.floats()
		if d.err != nil || len(m.logW) != ln.tail {
			return l.bad("lane %d: weights of %d slots, not %d", i, len(m.logW), ln.tail)
		}
		m.logW = append(m.logW, make([]float32, len(m.pos)-ln.tail)...)
	}
	return nil
}

// parseQueries reads what was kept of the queries.
func (l *loading) parseQueries(b []byte) error {
	d, s, c := newStateReader(b), l.s, l.c
	if d.int() == 1 {
		keep := d.int()
		if d.err != nil || keep != s.needs.Queries {
			return l.bad("%d queries kept, the policy wants %d", keep, s.needs.Queries)
		}
		s.recent = c.newRecent(keep)
		for i := range s.recent.pos {
			s.recent.pos[i] = int32(d.int() - 1)
		}
		l.queries(d, s.recent.lanes)
	}
	if d.int() == 1 {
		n, start, stride, have := d.int(), d.int(), d.int(), d.int()
		if d.err != nil || n != s.needs.EveryQuery || stride < 1 || have > n {
			return l.bad("%d of %d prompt queries, every %d", have, n, stride)
		}
		o := c.newObserved(n, start)
		o.stride, o.n = stride, have
		l.queries(d, o.lanes)
		s.observed = o
	}
	if err := d.done(); err != nil {
		return l.bad("%v", err)
	}
	return nil
}

func (l *loading) queries(d *stateReader, lanes [][]float32) {
	for i := range lanes {
		x := d.floats()
		if d.err == nil && len(x) != len(lanes[i]) {
			d.err = fmt.Errorf("%w: queries of lane %d", errState, i)
		}
		if d.err != nil {
			return
		}
		copy(lanes[i], x)
	}
}

// fill takes blocks and reads what they hold.
func (l *loading) fill(r io.ReaderAt, part savedPart) error {
	c, s := l.c, l.s
	var wants []want
	total := int64(0)
	for i, n := range l.blocks {
		wants = addWant(wants, c.lanes[i].class, n)
		total += int64(n) * int64(c.lanes[i].class.size)
	}
	if total != part.n {
		return l.bad("%d bytes of blocks, not %d", part.n, total)
	}
	if err := c.enter(); err != nil {
		return err
	}
	if err := c.pool.reserve(wants); err != nil {
		c.leave()
		return err
	}
	for i, n := range l.blocks {
		for range n {
			s.lanes[i].blocks = append(s.lanes[i].blocks, c.pool.take(c.lanes[i].class))
		}
	}
	s.count.blockBytes = total
	s.count.peak = max(s.count.peak, total)
	sum := crc32.New(castagnoli)
	head := binary.LittleEndian.AppendUint64([]byte(sectionBlocks), uint64(part.n))
	sum.Write(head)
	at := part.at
	err := error(nil)
	for i := range s.lanes {
		for _, id := range s.lanes[i].blocks {
			mem := c.lanes[i].class.bytes(id)
			if err == nil {
				_, err = r.ReadAt(mem, at)
			}
			sum.Write(mem)
			at += int64(len(mem))
		}
	}
	var tail [4]byte
	if err == nil {
		_, err = r.ReadAt(tail[:], at)
	}
	if err == nil && binary.LittleEndian.Uint32(tail[:]) != sum.Sum32() {
		err = fmt.Errorf("it changed while it was read")
	}
	if err != nil {
		s.Close()
		return l.bad("%v", err)
	}
	return nil
}
