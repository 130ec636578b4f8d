package tokenizer

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestPieces(t *testing.T) {
	tok := mustLoad(t, tinySPM())
	id := func(text string) int32 { id, ok := tok.ID(text); require.True(t, ok, text); return id }
	require.Equal(t, " ab", string(tok.Piece(id("▁ab"))))
	require.Equal(t, "\x41", string(tok.Piece(id("<0x41>"))))
	require.Equal(t, "<tag>", string(tok.Piece(id("<tag>"))))
	require.Empty(t, tok.Piece(id("<s>")))
	require.Equal(t, "<s>", string(tok.PieceSpecial(id("<s>"))))
	for _, bad := range []int32{-1, int32(tok.Size()), 1 << 30, -1 << 31} {
		require.Nil(t, tok.Piece(bad))
		require.Nil(t, tok.PieceSpecial(bad))
		require.Nil(t, tok.Text(bad))
		require.False(t, tok.IsControl(bad))
		require.False(t, tok.IsEOG(bad))
		require.Equal(t, Undefined, tok.Type(bad))
	}
	_, ok := tok.ID("no such token")
	require.False(t, ok)
	_, ok = tok.ID(strings.Repeat("long", 1000))
	require.False(t, ok)

	tok = mustLoad(t, tinyBPE())
	require.Equal(t, " ab", string(tok.Piece(258)))
	require.Equal(t, "\xff", string(tok.Piece(255)))
}

func TestDecodeOptions(t *testing.T) {
	tok := mustLoad(t, tinySPM())
	ids := tok.Encode(nil, "<|user|>ab ab", Options{true, true})
	for _, tt := range []struct {
		opts DecodeOptions
		want string
	}{
		{DecodeOptions{}, "ab ab"},
		{DecodeOptions{Special: true}, "<s><|user|>ab ab"},
		{DecodeOptions{Continue: true}, " ab ab"},
	} {
		require.Equal(t, tt.want, tok.Decode(ids, tt.opts))
	}
	require.Equal(t, "ab", tok.Decode([]int32{-5, 1 << 20, ids[2]}, DecodeOptions{}), "ids out of range are skipped")
	require.Equal(t, "x ab", string(tok.AppendDecode([]byte("x"), ids[2:3], DecodeOptions{Continue: true})))
	noPrefix := mustLoad(t, tinySPM().with(keySpacePrefix, false))
	require.Equal(t, " ab ab", noPrefix.Decode(ids, DecodeOptions{}))
}

func TestCleanSpaces(t *testing.T) {
	for in, want := range map[string]string{
		"": "", " ": " ", "a , b . c ! d ?": "a, b. c! d?", "it 's we 're I 'm you 've": "it's we're I'm you've",
		"don 't he 'd we 'll": "don 't he 'd we 'll", "a ' b": "a'b", " . .": "..", "a  ,": "a ,",
	} {
		b := []byte(in)
		require.Equal(t, want, string(b[:cleanSpaces(b)]), "of %q", in)
	}
}

func TestStream(t *testing.T) {
	tok := mustLoad(t, tinyBPE())
	tests := []struct {
		name, in string
		want     []string // after each byte, then after Flush
	}{
		{"ascii", "ab", []string{"a", "b", ""}},
		{"two bytes", "é", []string{"", "é", ""}},
		{"four bytes", "😀", []string{"", "", "", "😀", ""}},
		{"truncated", "a\xe2\x82", []string{"a", "", "", "\uFFFD"}},
		{"truncated, then text", "\xe2\x82a", []string{"", "", "\uFFFDa", ""}},
		{"stray continuation", "\x80a", []string{"\uFFFD", "a", ""}},
		{"impossible lead", "\xff", []string{"\uFFFD", ""}},
		{"overlong", "\xe0\x80", []string{"", "\uFFFD\uFFFD", ""}},
		{"surrogate", "\xed\xa0\x80", []string{"", "\uFFFD\uFFFD", "\uFFFD", ""}},
		{"lead after lead", "\xc3\xc3\xa9", []string{"", "\uFFFD", "é", ""}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := tok.NewStream(DecodeOptions{})
			for i := range len(tt.in) {
				require.Equal(t, tt.want[i], string(s.Next(int32(tt.in[i]))), "after byte %d", i)
				require.LessOrEqual(t, s.Pending(), 3)
			}
			require.Equal(t, tt.want[len(tt.in)], string(s.Flush()))
			require.Empty(t, s.Flush())
		})
	}
}

// TestStreamEqualsDecode: the parts are whole characters and together the text.
func TestStreamEqualsDecode(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	for _, name := range []string{"gpt-2", "llama-spm"} {
		_, tok := packed(t, name)
		for range 300 {
			text := strings.ToValidUTF8(randomText(r), "?")
			ids := tok.Encode(nil, text, Options{AddSpecial: true})
			s := tok.NewStream(DecodeOptions{})
			var got []byte
			for _, id := range ids {
				part := s.Next(id)
				require.True(t, utf8.Valid(part))
				got = append(got, part...)
			}
			got = append(got, s.Flush()...)
			require.Equal(t, tok.Decode(ids, DecodeOptions{}), string(got))
		}
	}
	tok := mustLoad(t, tinySPM())
	ab, _ := tok.ID("▁ab")
	s := tok.NewStream(DecodeOptions{Continue: true})
	s.Next(ab)
	require.Zero(t, testing.AllocsPerRun(100, func() { s.Next(ab) }))
	require.Equal(t, " ab", string(s.Next(ab)))
	s = tok.NewStream(DecodeOptions{})
	require.Equal(t, "ab", string(s.Next(ab)))
	require.Equal(t, " ab", string(s.Next(ab)))
	s.Flush()
	require.Equal(t, "ab", string(s.Next(ab)), "Flush begins another text")
}

func TestStops(t *testing.T) {
	tests := []struct {
		name  string
		stops []string
		parts []string
		want  []string
		stop  string
		tail  string
	}{
		{"none", nil, []string{"ab", "c"}, []string{"ab", "c"}, "", ""},
		{"empty ignored", []string{""}, []string{"ab"}, []string{"ab"}, "", ""},
		{"in one part", []string{"END"}, []string{"abENDc"}, []string{"ab"}, "END", ""},
		{"across parts", []string{"END"}, []string{"aE", "N", "Dx"}, []string{"a", "", ""}, "END", ""},
		{"false start", []string{"END"}, []string{"aEN", "E", "x"}, []string{"a", "EN", "Ex"}, "", ""},
		{"overlapping start", []string{"aab"}, []string{"aa", "a", "b"}, []string{"", "a", ""}, "aab", ""},
		{"held back at the end", []string{"END"}, []string{"aEN"}, []string{"a"}, "", "EN"},
		{"longest of several", []string{"b", "ab"}, []string{"xab"}, []string{"x"}, "ab", ""},
		{"first to be complete", []string{"abc", "b"}, []string{"abc"}, []string{"a"}, "b", ""},
		{"characters stay whole", []string{"é!"}, []string{"xé", "?"}, []string{"x", "é?"}, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := NewStops(tt.stops)
			stop := ""
			for i, part := range tt.parts {
				var out []byte
				out, stop = s.Push([]byte(part))
				require.Equal(t, tt.want[i], string(out), "part %d", i)
			}
			require.Equal(t, tt.stop, stop)
			require.Equal(t, tt.tail, string(s.Flush()))
			out, stop := s.Push([]byte("END"))
			require.Empty(t, out, "nothing comes after the end")
			require.Empty(t, stop)
		})
	}
}
