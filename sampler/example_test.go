package sampler_test

import (
	"fmt"

	"kvasir/sampler"
)

// A chain is asked for a token per position and told which token was taken.
func Example() {
	p := sampler.DefaultParams()
	p.PresencePenalty = 0.5
	p.Seed = sampler.FixedSeed(42)
	chain, err := sampler.NewChain(p, sampler.Vocab{Size: 4})
	if err != nil {
		panic(err)
	}
	fmt.Println(chain.Stages(), "seed", chain.Seed())

	logits := []float32{1, 4, 3, 0} // of a model, for the next position
	for pos := range uint32(5) {
		tok, err := chain.Next(logits, pos, nil)
		if err != nil {
			panic(err)
		}
		if err := chain.Accept(tok); err != nil {
			panic(err)
		}
		fmt.Print(tok, " ")
	}
	// Output:
	// [penalties top_k top_p min_p temperature] seed 42
	// 1 2 2 2 1
}
