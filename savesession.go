package kvasir

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"kvasir/kvcache"
)

// Errors of saved sessions.
var (
	// ErrSaved: the file is no saved session, or damaged.
	ErrSaved = kvcache.ErrSaved
	// ErrOtherModel: the file belongs to another model, precision or cache type.
	ErrOtherModel = kvcache.ErrOtherModel
)

// Save writes the session to a file: tokens, cache and the state of its policy.
// It is crash-safe: the name stands for the old file or for the whole new one.
func (s *Session) Save(path string) error {
	if err := s.acquire(); err != nil {
		return err
	}
	defer s.done()
	return s.seq.SaveFile(path, s.saved())
}

// LoadSession opens a session that Session.Save wrote, with the policy that it
// had. What it generates is what the saved one would have, to the bit. The file
// is verified in whole before anything is taken: errors wrap ErrSaved,
// ErrOtherModel, ErrContextFull or ErrPool.
func (e *Engine) LoadSession(path string) (*Session, error) {
	if err := e.enter(); err != nil {
		return nil, err
	}
	seq, user, err := e.cache.LoadFile(path)
	if err != nil {
		return nil, errors.Join(fullError(err), e.leave())
	}
	s := e.session(seq, SessionOptions{KV: seq.Policy()})
	if err := s.restore(user); err != nil {
		seq.Close()
		return nil, errors.Join(fmt.Errorf("load %s: %w", path, err), e.leave())
	}
	return s, nil
}

// saved packs what the session knows beside its cache: how long the prompts are,
// the tokens, and the logits after the last one if they are kept.
func (s *Session) saved() []byte {
	kept := []float32{}
	if s.kept.at == len(s.tokens) {
		kept = s.kept.logits
	}
	b := make([]byte, 0, 12+4*len(s.tokens)+4*len(kept))
	for _, n := range []int{s.prompt, len(s.tokens), len(kept)} {
		b = binary.LittleEndian.AppendUint32(b, uint32(n))
	}
	for _, t := range s.tokens {
		b = binary.LittleEndian.AppendUint32(b, uint32(t))
	}
	for _, x := range kept {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

// restore unpacks what saved packed.
func (s *Session) restore(b []byte) error {
	var head [3]int
	if len(b) < 12 {
		return fmt.Errorf("%w: %d bytes beside the cache", ErrSaved, len(b))
	}
	for i := range head {
		head[i] = int(binary.LittleEndian.Uint32(b[4*i:]))
	}
	b = b[12:]
	prompt, tokens, kept := head[0], head[1], head[2]
	vocab := s.eng.model.Config().VocabSize
	if len(b) != 4*(tokens+kept) || prompt > tokens || tokens < s.seq.Len() || kept != 0 && kept != vocab {
		return fmt.Errorf("%w: %d tokens, %d of prompts, %d in the cache, %d logits in %d bytes", ErrSaved, tokens, prompt, s.seq.Len(), kept, len(b))
	}
	for i := range tokens {
		id := binary.LittleEndian.Uint32(b[4*i:])
		if int64(id) >= int64(vocab) {
			return fmt.Errorf("%w: token %d, the vocabulary has %d", ErrSaved, id, vocab)
		}
		s.tokens = append(s.tokens, int32(id))
	}
	if tokens > s.eng.opts.Context && !s.seq.Endless() {
		return &ContextError{Have: tokens, Context: s.eng.opts.Context}
	}
	s.prompt = prompt
	if kept > 0 {
		s.kept.at = tokens
		for i := range kept {
			s.kept.logits = append(s.kept.logits, math.Float32frombits(binary.LittleEndian.Uint32(b[4*(tokens+i):])))
		}
	}
	return nil
}
