package chat_test

import (
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir/internal/chat"
)

// TestBuiltins compares every built-in template with the format it stands for,
// written out by hand.
func TestBuiltins(t *testing.T) {
	want := map[string]string{
		"chatml": "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\nA<|im_end|>\n" +
			"<|im_start|>user\nV<|im_end|>\n<|im_start|>assistant\n",
		"gemma": "<s><start_of_turn>user\nS\n\nU<end_of_turn>\n<start_of_turn>model\nA<end_of_turn>\n" +
			"<start_of_turn>user\nV<end_of_turn>\n<start_of_turn>model\n",
		"granite": "<|start_of_role|>system<|end_of_role|>S<|end_of_text|>\n<|start_of_role|>user<|end_of_role|>U<|end_of_text|>\n" +
			"<|start_of_role|>assistant<|end_of_role|>A<|end_of_text|>\n<|start_of_role|>user<|end_of_role|>V<|end_of_text|>\n" +
			"<|start_of_role|>assistant<|end_of_role|>",
		"harmony": "<|start|>system<|message|>Knowledge cutoff: 2024-06\nCurrent date: 2026-03-09\n\nReasoning: medium\n\n" +
			"# Valid channels: analysis, commentary, final. Channel must be included for every message.<|end|>" +
			"<|start|>developer<|message|># Instructions\n\nS\n\n<|end|><|start|>user<|message|>U<|end|>" +
			"<|start|>assistant<|channel|>final<|message|>A<|end|><|start|>user<|message|>V<|end|><|start|>assistant",
		"llama2": "<s>[INST] <<SYS>>\nS\n<</SYS>>\n\nU [/INST] A </s><s>[INST] V [/INST]",
		"llama3": "<s><|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nU<|eot_id|>" +
			"<|start_header_id|>assistant<|end_header_id|>\n\nA<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nV<|eot_id|>" +
			"<|start_header_id|>assistant<|end_header_id|>\n\n",
		"mistral":        "<s>[INST] S\n\nU[/INST] A</s>[INST] V[/INST]",
		"mistral-tekken": "<s>[SYSTEM_PROMPT]S[/SYSTEM_PROMPT][INST]U[/INST]A</s>[INST]V[/INST]",
		"olmo2":          "<s><|system|>\nS\n<|user|>\nU\n<|assistant|>\nA</s>\n<|user|>\nV\n<|assistant|>\n",
		"phi3":           "<|system|>\nS<|end|>\n<|user|>\nU<|end|>\n<|assistant|>\nA<|end|>\n<|user|>\nV<|end|>\n<|assistant|>\n",
		"phi4": "<|im_start|>system<|im_sep|>S<|im_end|><|im_start|>user<|im_sep|>U<|im_end|><|im_start|>assistant<|im_sep|>A<|im_end|>" +
			"<|im_start|>user<|im_sep|>V<|im_end|><|im_start|>assistant<|im_sep|>",
		"vicuna": "<s>S\n\nUSER: U\nASSISTANT: A</s>\nUSER: V\nASSISTANT:",
		"zephyr": "<|system|>\nS</s>\n<|user|>\nU</s>\n<|assistant|>\nA</s>\n<|user|>\nV</s>\n<|assistant|>\n",
	}
	require.Len(t, chat.Builtins(), len(want))
	for name, text := range want {
		tmpl := chat.Builtin(name)
		require.NotNil(t, tmpl, name)
		require.Equal(t, name, tmpl.Name())
		spans, err := tmpl.Render(chat.Input{
			Messages:            []chat.Message{say("system", "S"), say("user", "U"), say("assistant", "A"), say("user", "V")},
			AddGenerationPrompt: true, BOS: "<s>", EOS: "</s>", Now: now,
		})
		require.NoError(t, err, name)
		require.Equal(t, text, chat.Join(spans), name)
	}
	require.Nil(t, chat.Builtin("nope"))
}

func TestDefault(t *testing.T) {
	for _, c := range []struct {
		arch   string
		tokens []string
		want   string
	}{
		{"gemma3", []string{"<bos>", "<start_of_turn>", "<end_of_turn>"}, "gemma"},
		{"llama", []string{"<|im_start|>", "<|im_end|>"}, "chatml"},
		{"llama", []string{"<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"}, "llama3"},
		{"phi3", []string{"<|user|>", "<|assistant|>", "<|end|>"}, "phi3"},
		{"phi3", []string{"<|im_start|>", "<|im_sep|>", "<|im_end|>"}, "phi4"},
		{"granite", []string{"<|start_of_role|>", "<|end_of_role|>"}, "granite"},
		{"gpt-oss", []string{"<|start|>", "<|channel|>", "<|message|>", "<|end|>"}, "harmony"},
		{"llama", []string{"[INST]", "[/INST]"}, "mistral"},
		{"llama", []string{"[INST]", "[/INST]", "[SYSTEM_PROMPT]"}, "mistral-tekken"},
		{"bert", []string{"<|im_start|>", "<|im_end|>"}, ""},
		{"llama", []string{"<s>", "</s>"}, ""},
		{"gemma3", []string{"<start_of_turn>"}, ""},
	} {
		tmpl := chat.Default(c.arch, func(token string) bool { return slices.Contains(c.tokens, token) })
		if c.want == "" {
			require.Nil(t, tmpl, c.tokens)
			continue
		}
		require.NotNil(t, tmpl, c.tokens)
		require.Equal(t, c.want, tmpl.Name())
	}
}

func chatSource(b *testing.B, name string) string {
	b.Helper()
	src, err := os.ReadFile("testdata/templates/" + name + ".jinja")
	if err != nil {
		b.Fatal(err)
	}
	return string(src)
}

// BenchmarkParse, BenchmarkProbe and BenchmarkRender show what a chat costs
// before its first token: parse and probe once, render for every turn.
func BenchmarkParse(b *testing.B) {
	src := chatSource(b, "Qwen-Qwen3-0.6B")
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := chat.Parse(src); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkProbe(b *testing.B) {
	src := chatSource(b, "Qwen-Qwen3-0.6B")
	for b.Loop() {
		tmpl, err := chat.Parse(src)
		if err != nil {
			b.Fatal(err)
		}
		tmpl.Caps()
	}
}

func BenchmarkRender(b *testing.B) {
	for _, name := range []string{"Qwen-Qwen3-0.6B", "google-gemma-4-31B-it", "openai-gpt-oss-120b"} {
		b.Run(name, func(b *testing.B) {
			tmpl, err := chat.Parse(chatSource(b, name))
			if err != nil {
				b.Fatal(err)
			}
			in := chat.Input{AddGenerationPrompt: true, Now: now}
			for range 20 {
				in.Messages = append(in.Messages, say("user", "What is it? It is long."), say("assistant", "It is what it is."))
			}
			in.Messages = append(in.Messages, say("user", "And?"))
			spans, err := tmpl.Render(in)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(chat.Join(spans))))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := tmpl.Render(in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
