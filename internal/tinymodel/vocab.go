package tinymodel

import (
	"strings"

	"kvasir/internal/gguf"
)

// Control tokens of the vocabulary, its last ones.
const (
	EndOfText = "<|endoftext|>"
	TurnStart = "<|im_start|>"
	TurnEnd   = "<|im_end|>"
)

// merges joins bytes to a few words; "Ġ" stands for a space.
var merges = []string{
	"t h", "th e", "Ġ the", "i n", "a n", "an d", "Ġ and", "e r", "o n", "s t", "o u", "Ġ a", "Ġ w", "h e", "l l",
	"he ll", "hell o", "Ġw or", "o r", "w or", "l d", "wor ld", "Ġwor ld", "u s", "us er", "a s", "as s", "s i",
}

// ChatML is the chat template of the vocabulary.
const ChatML = `{% for message in messages %}{{ '` + TurnStart + `' + message['role'] + '\n' + message['content'] + '` + TurnEnd + `\n' }}{% endfor %}` +
	`{% if add_generation_prompt %}{{ '` + TurnStart + `assistant\n' }}{% endif %}`

// byteRunes maps bytes to the characters that stand for them in byte-level
// vocabularies (Radford et al. 2019): printable ones for themselves, the others
// from U+0100 on.
func byteRunes() [256]rune {
	var runes [256]rune
	next := rune(0x100)
	for b := range runes {
		printable := b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE
		if runes[b] = rune(b); !printable {
			runes[b] = next
			next++
		}
	}
	return runes
}

// Tokens returns the texts of the vocabulary: all bytes in order, what the
// merges make, and the control tokens.
func Tokens() []string {
	var tokens []string
	for _, r := range byteRunes() {
		tokens = append(tokens, string(r))
	}
	seen := map[string]bool{}
	for _, m := range merges {
		text := strings.ReplaceAll(m, " ", "")
		if !seen[text] {
			tokens = append(tokens, text)
		}
		seen[text] = true
	}
	return append(tokens, EndOfText, TurnStart, TurnEnd)
}

// outputBias favours letters and spaces, so that what a model writes can be read.
func outputBias() []float32 {
	tokens := Tokens()
	bias := make([]float32, len(tokens))
	for i, t := range tokens[:len(tokens)-3] {
		plain := strings.Trim(strings.ReplaceAll(t, "Ġ", ""), "abcdefghijklmnopqrstuvwxyz") == ""
		if plain {
			bias[i] = 8
		}
	}
	return bias
}

// vocabulary writes the tokenizer's metadata.
func (b *builder) vocabulary() {
	set := b.m.Set
	if !b.Text {
		set("tokenizer.ggml.model", gguf.Scalar("no_vocab"))
		return
	}
	tokens := Tokens()
	n := len(tokens)
	types := make([]int32, n)
	for i := range types {
		types[i] = 1 // normal
		if i >= n-3 {
			types[i] = 3 // control
		}
	}
	if b.Template == "-" { // nor tokens by which a built-in template is found
		tokens[n-2], tokens[n-1] = "<|start_of_nothing|>", "<|end_of_nothing|>"
	}
	set("tokenizer.ggml.model", gguf.Scalar("gpt2"))
	set("tokenizer.ggml.pre", gguf.Scalar("gpt-2"))
	set("tokenizer.ggml.tokens", gguf.Array(tokens))
	set("tokenizer.ggml.token_type", gguf.Array(types))
	set("tokenizer.ggml.merges", gguf.Array(merges))
	set("tokenizer.ggml.bos_token_id", gguf.Scalar(uint32(n-3)))
	set("tokenizer.ggml.eos_token_id", gguf.Scalar(uint32(n-1)))
	set("tokenizer.ggml.add_bos_token", gguf.Scalar(b.AddBOS))
	switch b.Template {
	case "-":
	case "":
		set("tokenizer.chat_template", gguf.Scalar(ChatML))
	default:
		set("tokenizer.chat_template", gguf.Scalar(b.Template))
	}
}
