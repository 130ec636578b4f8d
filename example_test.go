package kvasir_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"kvasir"
	"kvasir/internal/tinymodel"
)

// exampleModel makes a model file; it stands for a real one.
func exampleModel() (path string, remove func()) {
	dir, err := os.MkdirTemp("", "kvasir")
	if err != nil {
		log.Fatal(err)
	}
	path = filepath.Join(dir, "model.gguf")
	if err := tinymodel.Write(path, textSpec); err != nil {
		log.Fatal(err)
	}
	return path, func() { os.RemoveAll(dir) }
}

func Example() {
	path, remove := exampleModel() // a GGUF file
	defer remove()
	eng, err := kvasir.Open(path, kvasir.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer eng.Close()
	req := kvasir.ChatRequest{
		Messages:        []kvasir.Message{{Role: "user", Content: "Why is the sky blue?"}},
		GenerateOptions: kvasir.GenerateOptions{MaxTokens: 16, Sampling: kvasir.Greedy()},
	}
	tokens := 0
	for tok, err := range eng.Chat(context.Background(), req) {
		if err != nil {
			log.Fatal(err)
		}
		tokens++
		if tok.Finish != "" {
			fmt.Printf("%d tokens, finished by %s\n", tokens, tok.Finish)
		}
	}
	// Output: 16 tokens, finished by length
}

// A session keeps its tokens: a text is computed once and continued often.
func ExampleSession() {
	path, remove := exampleModel()
	defer remove()
	eng, err := kvasir.Open(path, kvasir.Options{Context: 256})
	if err != nil {
		log.Fatal(err)
	}
	defer eng.Close()
	ctx := context.Background()
	s, err := eng.NewSession()
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	if err := s.Prefill(ctx, kvasir.Text("hello world and you")); err != nil {
		log.Fatal(err)
	}
	fmt.Println("prompt:", s.Len(), "tokens")

	f, err := s.Fork() // shares the cache of the prompt
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	for _, session := range []*kvasir.Session{s, f} {
		o := kvasir.GenerateOptions{MaxTokens: 8, Sampling: kvasir.Greedy()}
		for _, err := range session.Generate(ctx, kvasir.Prompt{}, o) {
			if err != nil {
				log.Fatal(err)
			}
		}
		fmt.Println("now:", session.Len(), "tokens")
	}
	if err := s.Truncate(6); err != nil { // back to the prompt
		log.Fatal(err)
	}
	fmt.Println("cut back:", s.Len(), "tokens")
	// Output:
	// prompt: 6 tokens
	// now: 14 tokens
	// now: 14 tokens
	// cut back: 6 tokens
}

// The logits after each token of a text.
func ExampleSession_Logits() {
	path, remove := exampleModel()
	defer remove()
	eng, err := kvasir.Open(path, kvasir.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer eng.Close()
	s, err := eng.NewSession()
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	tokens := eng.Tokenizer().Encode("hello world", kvasir.EncodeOptions{})
	err = s.Logits(context.Background(), tokens, func(pos int, logits []float32) error {
		fmt.Printf("after %q: %d logits\n", eng.Tokenizer().Piece(tokens[pos]), len(logits))
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// after "hello": 287 logits
	// after " world": 287 logits
}

// Log-probabilities of each token and of the most likely ones.
func ExampleGenerateOptions() {
	path, remove := exampleModel()
	defer remove()
	eng, err := kvasir.Open(path, kvasir.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer eng.Close()
	s, err := eng.NewSession()
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	o := kvasir.GenerateOptions{MaxTokens: 3, TopLogprobs: 2, Sampling: kvasir.Sampling{Seed: kvasir.FixedSeed(42)}}
	for tok, err := range s.Generate(context.Background(), kvasir.Text("hello"), o) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(len(tok.Top), "alternatives, the first no less likely:", tok.Top[0].Logprob >= tok.Logprob)
	}
	// Output:
	// 2 alternatives, the first no less likely: true
	// 2 alternatives, the first no less likely: true
	// 2 alternatives, the first no less likely: true
}

// What a file says about itself, without loading it.
func ExampleInspect() {
	path, remove := exampleModel()
	defer remove()
	info, err := kvasir.Inspect(path)
	if err != nil {
		log.Fatal(err)
	}
	bytes, err := info.CacheBytes(100, "f16")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.Architecture, info.Context, bytes)
	// Output: qwen2 512 32768
}

// Tokens of a text, and back.
func ExampleTokenizer() {
	path, remove := exampleModel()
	defer remove()
	tok, err := kvasir.OpenTokenizer(path)
	if err != nil {
		log.Fatal(err)
	}
	ids := tok.Encode("hello world", kvasir.EncodeOptions{})
	fmt.Println(ids, tok.Decode(ids, false))
	// Output: [272 278] hello world
}
