package tokenizer

// DecodeOptions says how ids become text. The zero value is text as a user sees it.
type DecodeOptions struct {
	// Special shows control and unknown tokens by their texts; otherwise they are
	// left out.
	Special bool
	// Continue says that the ids go on with a text that came before. Otherwise the
	// space that SPM vocabularies put in front of a text is taken off again.
	Continue bool
	// CleanSpaces removes spaces before punctuation if the vocabulary asks for it,
	// as some were trained on text with such spaces. It is not for streams.
	CleanSpaces bool
}

// makePieces fills the arena with what each token decodes to, control tokens by
// their texts.
func (t *Tokenizer) makePieces(mapped bool) {
	v := t.vocab
	t.pieces = make([]byte, 0, len(v.texts))
	t.pieceOffsets = make([]uint32, 1, v.size()+1)
	for id := range int32(v.size()) {
		text := v.text(id)
		switch {
		case v.types[id] == Byte:
			b, _ := byteValue(text)
			t.pieces = append(t.pieces, b)
		case v.isSpecial(id):
			t.pieces = append(t.pieces, text...)
		case mapped:
			t.pieces = appendUnmapped(t.pieces, text)
		default:
			t.pieces = appendUnmarked(t.pieces, text)
		}
		t.pieceOffsets = append(t.pieceOffsets, uint32(len(t.pieces)))
	}
}

// Piece returns the bytes that token id adds to a text: none for control and unknown
// tokens and for an id out of range. They may be part of a character, and must not
// be written to.
func (t *Tokenizer) Piece(id int32) []byte {
	if ty := t.Type(id); ty == Control || ty == Unknown {
		return nil
	}
	return t.PieceSpecial(id)
}

// PieceSpecial is Piece with the texts of control and unknown tokens.
func (t *Tokenizer) PieceSpecial(id int32) []byte {
	if !t.valid(id) {
		return nil
	}
	lo, hi := t.pieceOffsets[id], t.pieceOffsets[id+1]
	return t.pieces[lo:hi:hi]
}

// piece returns the bytes of id under o. opening says that no text came before; it
// becomes false with the first token that is text.
func (t *Tokenizer) piece(id int32, o DecodeOptions, opening *bool) []byte {
	var p []byte
	if o.Special {
		p = t.PieceSpecial(id)
	} else {
		p = t.Piece(id)
	}
	if ty := t.Type(id); ty == Control || ty == Unknown || !t.valid(id) {
		return p
	}
	if *opening && t.spacePrefix && !o.Continue && len(p) > 0 && p[0] == ' ' {
		p = p[1:]
	}
	*opening = false
	return p
}

// Decode returns the text of ids. Ids out of range add nothing. The text is not
// valid UTF-8 where the ids do not spell whole characters; [Stream] mends that.
func (t *Tokenizer) Decode(ids []int32, o DecodeOptions) string {
	return string(t.AppendDecode(nil, ids, o))
}

// AppendDecode appends the text of ids to dst; see [Tokenizer.Decode].
func (t *Tokenizer) AppendDecode(dst []byte, ids []int32, o DecodeOptions) []byte {
	start := len(dst)
	opening := true
	for _, id := range ids {
		dst = append(dst, t.piece(id, o, &opening)...)
	}
	if o.CleanSpaces && t.cleanSpaces {
		dst = dst[:start+cleanSpaces(dst[start:])]
	}
	return dst
}

// cleanSpaces removes, in place and one pass after the other, the space before
// each of ?!., then the spaces around a lone ', then the space before 's, 'm, 're
// and 've. It returns the new length.
func cleanSpaces(s []byte) int {
	s = dropSpaces(s, func(rest []byte) (bool, int) {
		return rest[0] == '?' || rest[0] == '!' || rest[0] == '.' || rest[0] == ',', 0
	})
	s = dropSpaces(s, func(rest []byte) (bool, int) {
		return len(rest) > 1 && rest[0] == '\'' && rest[1] == ' ', 1
	})
	s = dropSpaces(s, func(rest []byte) (bool, int) {
		end := contraction(text{s: rest}, 0, false)
		return end > 0 && rest[1] != 't' && rest[1] != 'd' && rest[1] != 'l', 0
	})
	return len(s)
}

// dropSpaces removes, in place, each space after which drop is true of the rest,
// and then as many bytes after the first of the rest as drop says.
func dropSpaces(s []byte, drop func(rest []byte) (bool, int)) []byte {
	out := s[:0]
	for i := 0; i < len(s); i++ {
		if i > 0 && s[i-1] == ' ' && len(out) > 0 {
			if ok, more := drop(s[i:]); ok {
				out = append(out[:len(out)-1], s[i])
				i += more
				continue
			}
		}
		out = append(out, s[i])
	}
	return out
}
