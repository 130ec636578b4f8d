package chat

import (
	"embed"
	"maps"
	"slices"
	"strings"
	"sync"
)

//go:embed builtin/*.jinja
var builtinFiles embed.FS

// builtins are the built-in templates, parsed when first asked for.
var builtins = map[string]func() *Template{
	"chatml":         builtin("chatml"),
	"gemma":          builtin("gemma"),
	"granite":        builtin("granite"),
	"harmony":        builtin("harmony"),
	"llama2":         builtin("llama2"),
	"llama3":         builtin("llama3"),
	"mistral":        builtin("mistral"),
	"mistral-tekken": builtin("mistral-tekken"),
	"olmo2":          builtin("olmo2"),
	"phi3":           builtin("phi3"),
	"phi4":           builtin("phi4"),
	"vicuna":         builtin("vicuna"),
	"zephyr":         builtin("zephyr"),
}

// builtin returns a function that parses a built-in template once. The
// templates are part of the program, so one that does not parse is a bug.
func builtin(name string) func() *Template {
	return sync.OnceValue(func() *Template {
		source, err := builtinFiles.ReadFile("builtin/" + name + ".jinja")
		if err != nil {
			panic("chat: built-in template " + name + " is missing: " + err.Error())
		}
		t, err := Parse(string(source))
		if err != nil {
			panic("chat: built-in template " + name + ": " + err.Error())
		}
		t.name = name
		return t
	})
}

// Builtin returns the built-in template of a name, or nil. [Builtins] lists
// the names.
func Builtin(name string) *Template {
	get, ok := builtins[name]
	if !ok {
		return nil
	}
	return get()
}

// Builtins returns the names of the built-in templates in order.
func Builtins() []string { return slices.Sorted(maps.Keys(builtins)) }

// families tells built-in templates by the tokens their format is made of. The
// first entry whose tokens are all in a vocabulary is taken.
var families = []struct {
	name   string
	tokens []string
}{
	{"gemma", []string{"<start_of_turn>", "<end_of_turn>"}},
	{"phi4", []string{"<|im_start|>", "<|im_sep|>", "<|im_end|>"}},
	{"chatml", []string{"<|im_start|>", "<|im_end|>"}},
	{"llama3", []string{"<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"}},
	{"granite", []string{"<|start_of_role|>", "<|end_of_role|>"}},
	{"harmony", []string{"<|start|>", "<|channel|>", "<|message|>"}},
	{"phi3", []string{"<|user|>", "<|assistant|>", "<|end|>"}},
	{"mistral-tekken", []string{"[SYSTEM_PROMPT]", "[INST]", "[/INST]"}},
	{"mistral", []string{"[INST]", "[/INST]"}},
}

// encoders are architectures that embed text and never answer.
var encoders = []string{"bert", "nomic-bert", "jina-bert", "modern-bert", "gemma-embedding", "t5encoder"}

// Default returns the built-in template that fits a model whose file has none:
// has tells whether the vocabulary has a token of that exact text. It returns
// nil when no format can be told, as for a model that is not tuned for chat.
func Default(arch string, has func(token string) bool) *Template {
	if slices.ContainsFunc(encoders, func(e string) bool { return strings.HasPrefix(arch, e) }) {
		return nil
	}
	for _, f := range families {
		if !slices.ContainsFunc(f.tokens, func(t string) bool { return !has(t) }) {
			return Builtin(f.name)
		}
	}
	return nil
}
