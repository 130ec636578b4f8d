package tokenizer

import (
	"strings"
	"testing"

	"kvasir/internal/gguf"
	"kvasir/internal/golden"
)

// prose is a page of English, repeated to about size bytes.
func prose(b *testing.B, size int) string {
	const page = "The committee, which met on Tuesday 14 May, didn't agree: of its 37 members only nine would vote " +
		"for the plan, and the rest asked for “more time”. It's likely that nothing will happen before autumn.\n\n"
	b.Helper()
	return strings.Repeat(page, size/len(page)+1)[:size]
}

func BenchmarkEncode(b *testing.B) {
	text := prose(b, 100_000)
	for _, name := range []string{"gpt-2", "llama-bpe", "llama-spm", "deepseek-llm", "bert-bge"} {
		b.Run(name, func(b *testing.B) {
			_, tok := packed(b, name)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			var ids []int32
			for b.Loop() {
				ids = tok.Encode(ids[:0], text, Options{})
			}
			b.ReportMetric(float64(len(ids))*float64(b.N)/b.Elapsed().Seconds(), "tok/s")
		})
	}
}

// BenchmarkEncodeOneWord is the worst case of the merge queue: a megabyte without
// a place to cut.
func BenchmarkEncodeOneWord(b *testing.B) {
	text := strings.Repeat("a", 1<<20)
	for _, name := range []string{"gpt-2", "llama-spm"} {
		b.Run(name, func(b *testing.B) {
			_, tok := packed(b, name)
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				tok.Encode(nil, text, Options{})
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	_, tok := packed(b, "llama-spm")
	text := prose(b, 100_000)
	ids := tok.Encode(nil, text, Options{})
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	stream := tok.NewStream(DecodeOptions{})
	for b.Loop() {
		for _, id := range ids {
			stream.Next(id)
		}
	}
}

// BenchmarkNew builds the tokenizers of the real models, as a start of the program
// does.
func BenchmarkNew(b *testing.B) {
	for _, name := range []string{"smollm2", "gemma3-270m"} {
		b.Run(name, func(b *testing.B) {
			f, err := gguf.Open(golden.Model(b, name), gguf.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := New(f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
