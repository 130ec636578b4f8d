package gguf_test

import (
	"bytes"
	"testing"

	"kvasir/internal/gguf"
)

// FuzzParse: whatever the bytes, parsing from memory and from a reader agree,
// allocation is bounded, errors say something, and what parses can be used and
// written.
func FuzzParse(f *testing.F) {
	f.Add(sample().bytes())
	f.Add(alignedSample(1).bytes())
	f.Add(splitSample(1, 3, 4, "c").bytes())
	f.Add(craft{}.bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		var a, b *gguf.File
		var err, err2 error
		got := allocated(func() { a, err = gguf.ParseBytes(data) })
		got2 := allocated(func() { b, err2 = gguf.Parse(bytes.NewReader(data), int64(len(data))) })
		if limit := allocBound(len(data)); got > limit || got2 > limit {
			t.Fatalf("allocated %d and %d bytes, limit %d", got, got2, limit)
		}
		if (err == nil) != (err2 == nil) || err != nil && err.Error() != err2.Error() {
			t.Fatalf("from memory: %v; from a reader: %v", err, err2)
		}
		if err != nil {
			if e := checkError(err); e != nil {
				t.Fatal(e)
			}
			return
		}
		for _, file := range []*gguf.File{a, b} {
			if err := use(file); err != nil {
				t.Fatal(err)
			}
		}
	})
}
