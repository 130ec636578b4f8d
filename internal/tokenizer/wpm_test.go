package tokenizer

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func tinyWPM() fakeMetadata {
	tokens := []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "▁un", "aff", "able", "▁,", "▁漢", "▁e", "▁É", "▁$", "▁ा", "▁ᄀ", "ᅡ", "▁x", "yz", "y"}
	types := []int32{3, 2, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}
	return fakeMetadata{
		keyModel: "bert", keyTokens: tokens, keyTypes: types, keyPrefix + "unknown_token_id": uint64(1),
		keyPrefix + "cls_token_id": uint64(2), keyPrefix + "seperator_token_id": uint64(3), keyPrefix + "padding_token_id": uint64(0),
	}
}

func TestWordPiece(t *testing.T) {
	cased := tinyWPM().with(keyLowercase, false)
	tests := []struct {
		name, text, want string
		meta             fakeMetadata
	}{
		{"pieces", "Unaffable", "▁un aff able", tinyWPM()},
		{"unknown tail makes all unknown", "unaffableq un", "[UNK] ▁un", tinyWPM()},
		{"longest first", "xyz xyy", "▁x yz ▁x y y", tinyWPM()},
		{"punctuation alone", "un,un", "▁un ▁, ▁un", tinyWPM()},
		{"ascii symbol alone", "un$", "▁un ▁$", tinyWPM()},
		{"ideographs alone", "un漢漢", "▁un ▁漢 ▁漢", tinyWPM()},
		{"accents stripped", "é É e\u0301", "▁e ▁e ▁e", tinyWPM()},
		{"cased keeps them", "É", "▁É", cased},
		{"cased but stripped", "É", "[UNK]", cased.with(keyStripAccents, true)},
		{"spacing marks stay", "ा", "▁ा", tinyWPM()},
		{"hangul in full", "가", "▁ᄀ ᅡ", tinyWPM()},
		{"controls dropped", "u\x00\x01\u200b\xff\ufffdn", "▁un", tinyWPM()},
		{"white space", "\t un\u3000un \n", "▁un ▁un", tinyWPM()},
		{"special text is text", "[CLS]", "[UNK] [UNK] [UNK]", tinyWPM()},
		{"empty", "", "", tinyWPM()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tok := mustLoad(t, tt.meta)
			require.Equal(t, tt.want, spell(tok, tok.Encode(nil, tt.text, Options{})))
		})
	}
	tok := mustLoad(t, tinyWPM())
	require.Equal(t, "[CLS] ▁un [SEP]", spell(tok, tok.Encode(nil, "un", Options{AddSpecial: true})))
	require.Equal(t, "[CLS] ▁un [SEP] ▁un [SEP]", spell(tok, tok.Encode(nil, "un[SEP]un", Options{true, true})))
	require.True(t, tok.AddsSep())
	require.Equal(t, " unaffable, un", tok.Decode(tok.Encode(nil, "unaffable, un", Options{}), DecodeOptions{CleanSpaces: true}))
}
