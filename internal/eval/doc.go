// Package eval measures models: perplexity as llama-perplexity scores it, and
// logit records that can be compared with those of another engine.
package eval
