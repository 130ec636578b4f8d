// Package kvasir runs transformer models from GGUF files on the CPU, in Go and
// Go assembly, without cgo.
//
//	eng, err := kvasir.Open("model.gguf", kvasir.Options{})
//	if err != nil {
//		log.Fatal(err)
//	}
//	defer eng.Close()
//	req := kvasir.ChatRequest{Messages: []kvasir.Message{{Role: "user", Content: "Why is the sky blue?"}}}
//	for tok, err := range eng.Chat(context.Background(), req) {
//		if err != nil {
//			log.Fatal(err)
//		}
//		fmt.Print(tok.Text)
//	}
//
// An [Engine] is a loaded model; it is safe for concurrent use. A [Session] is
// one sequence of tokens with its cache; it is used by one goroutine at a time.
//
// For one binary and one CPU level logits are bit-identical whatever the number
// of threads, the size of prefill chunks, the sessions running beside, and
// whether a session was forked or cut back. With a fixed seed so is the text.
package kvasir
