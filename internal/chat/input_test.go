package chat_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir/internal/chat"
)

// input turns a conversation of the golden suite, given as template variables,
// into the input of Render.
func input(t *testing.T, raw json.RawMessage) chat.Input {
	t.Helper()
	var c struct {
		Messages []struct {
			Role      string
			Content   json.RawMessage
			Reasoning string `json:"reasoning_content"`
			Calls     []struct {
				ID       string
				Function struct {
					Name      string
					Arguments json.RawMessage
				}
			} `json:"tool_calls"`
			CallID string `json:"tool_call_id"`
			Name   string
		}
		Tools    []json.RawMessage
		Prompt   bool            `json:"add_generation_prompt"`
		BOS      string          `json:"bos_token"`
		EOS      string          `json:"eos_token"`
		Thinking *bool           `json:"enable_thinking"`
		Effort   json.RawMessage `json:"reasoning_effort"`
	}
	require.NoError(t, json.Unmarshal(raw, &c))
	in := chat.Input{
		Tools: c.Tools, AddGenerationPrompt: c.Prompt, BOS: c.BOS, EOS: c.EOS, EnableThinking: c.Thinking, Now: now,
	}
	if c.Effort != nil {
		in.Extra = []chat.Var{{Name: "reasoning_effort", Value: c.Effort}}
	}
	for _, m := range c.Messages {
		msg := chat.Message{Role: m.Role, ReasoningContent: m.Reasoning, ToolCallID: m.CallID, Name: m.Name}
		if json.Unmarshal(m.Content, &msg.Content) != nil {
			require.NoError(t, json.Unmarshal(m.Content, &msg.Parts))
		}
		for _, call := range m.Calls {
			var args string
			if json.Unmarshal(call.Function.Arguments, &args) != nil {
				args = string(call.Function.Arguments)
			}
			msg.ToolCalls = append(msg.ToolCalls, chat.ToolCall{ID: call.ID, Name: call.Function.Name, Arguments: args})
		}
		in.Messages = append(in.Messages, msg)
	}
	return in
}
