package chat

import (
	"encoding/json"
	"strings"

	"kvasir/internal/chat/jinja"
)

// Caps says what a template can express. It is found by rendering trial
// conversations and looking for their text in the output.
type Caps struct {
	SystemRole    bool // a system message at the start
	LateSystem    bool // a system message further on
	DeveloperRole bool // a developer message at the start
	StringContent bool // content as a string
	TypedContent  bool // content as a list of parts
	Repeats       bool // two messages of one role in a row
	Tools         bool // tool definitions
	ToolCalls     bool // calls of an assistant
	ToolResults   bool // messages of role tool
	// ObjectArguments: arguments of a call as an object rather than JSON text.
	ObjectArguments bool
	// NullContent: the content of an assistant that only calls must be none.
	NullContent bool
	// ShortCallIDs: ids of calls must have nine letters and digits.
	ShortCallIDs bool
	// Thinking: the variable enable_thinking makes a difference.
	Thinking bool
	// ReasoningKey is the key under which messages carry reasoning.
	ReasoningKey string
}

// Caps returns what the template can express; it is found on first use.
func (t *Template) Caps() Caps {
	t.probe.Do(func() { t.caps = probe(t.tmpl) })
	return t.caps
}

// Texts of the trial conversations.
const (
	probeSystem    = "pr0be-system"
	probeUser      = "pr0be-user"
	probeUser2     = "pr0be-again"
	probeAnswer    = "pr0be-answer"
	probeReasoning = "pr0be-reasoning"
	probeResult    = "pr0be-result"
	probeTool      = "pr0be_tool"
	probeKey       = "pr0be_key"
	probeValue     = "pr0be-value"
	probeID        = "pr0be0001"
	probeLongID    = "call_pr0be-0123456789"
)

// probeLimits bounds each trial, so that a hostile template costs little.
var probeLimits = jinja.Limits{Steps: 200_000, OutputBytes: 1 << 20, MemoryBytes: 32 << 20, CallDepth: 50}

// trial renders conversations for probe.
type trial struct {
	tmpl *jinja.Template
	caps Caps
}

// text renders a conversation; "" stands for any error.
func (p *trial) text(in Input) string {
	in.AddGenerationPrompt = true
	vars, err := variables(in, p.caps)
	if err != nil {
		return ""
	}
	out, err := p.tmpl.Render(vars, jinja.Options{Limits: probeLimits, Now: in.clock()})
	if err != nil {
		return ""
	}
	return out.String()
}

// shows reports whether the output for messages has all the texts.
func (p *trial) shows(messages []Message, texts ...string) bool {
	return hasAll(p.text(Input{Messages: messages}), texts...)
}

func hasAll(s string, texts ...string) bool {
	for _, t := range texts {
		if !strings.Contains(s, t) {
			return false
		}
	}
	return true
}

// probe finds the capabilities of a template. One that cannot render even a
// single user message is taken to be able to express everything, so that its
// own error reaches the user.
func probe(tmpl *jinja.Template) Caps {
	able := Caps{
		SystemRole: true, LateSystem: true, DeveloperRole: true, StringContent: true, TypedContent: true, Repeats: true,
		Tools: true, ToolCalls: true, ToolResults: true, ObjectArguments: true, ReasoningKey: reasoningKeys[0],
	}
	p := &trial{tmpl: tmpl, caps: able}
	user := Message{Role: "user", Content: probeUser}
	parts := Message{Role: "user", Parts: []Part{{"text", probeUser}, {"text", probeUser2}}}
	typed := p.text(Input{Messages: []Message{parts}})
	p.caps.TypedContent = hasAll(typed, probeUser, probeUser2) &&
		!strings.Contains(typed, `'type'`) && !strings.Contains(typed, `"type"`)
	p.caps.StringContent = p.shows([]Message{user}, probeUser)
	if !p.caps.StringContent {
		if !p.caps.TypedContent {
			return able
		}
		// every trial from here on uses typed content
		user = Message{Role: "user", Parts: []Part{{"text", probeUser}}}
	}
	p.probeRoles(user)
	p.probeTools(user)
	p.probeThinking(user)
	return p.caps
}

// say returns a message in the form of content that the template takes.
func (p *trial) say(role, text string) Message {
	if p.caps.StringContent {
		return Message{Role: role, Content: text}
	}
	return Message{Role: role, Parts: []Part{{"text", text}}}
}

func (p *trial) probeRoles(user Message) {
	system := p.say("system", probeSystem)
	answer := p.say("assistant", probeAnswer)
	again := p.say("user", probeUser2)
	p.caps.SystemRole = p.shows([]Message{system, user}, probeSystem, probeUser)
	p.caps.LateSystem = p.shows([]Message{user, answer, system, again}, probeUser, probeSystem, probeUser2)
	p.caps.DeveloperRole = p.shows([]Message{p.say("developer", probeSystem), user}, probeSystem, probeUser)
	p.caps.Repeats = p.shows([]Message{user, again}, probeUser, probeUser2)
}

// probeDefinition is the tool of the trial conversations.
var probeDefinition = []json.RawMessage{json.RawMessage(`{"type": "function", "function": {"name": "` + probeTool +
	`", "description": "pr0be", "parameters": {"type": "object", "properties": {"` + probeKey +
	`": {"type": "string", "description": "pr0be"}}, "required": ["` + probeKey + `"]}}}`)}

func (p *trial) probeTools(user Message) {
	p.caps.Tools = hasAll(p.text(Input{Messages: []Message{user}, Tools: probeDefinition}), probeUser, probeTool)
	p.caps.ToolCalls, p.caps.ToolResults = false, false
	for _, null := range []bool{false, true} {
		for _, object := range []bool{true, false} {
			if p.caps.ToolCalls {
				continue
			}
			p.caps.NullContent, p.caps.ObjectArguments = null, object
			p.caps.ToolCalls = p.callShown(p.callTrial(user, probeID, false))
		}
	}
	if !p.caps.ToolCalls {
		p.caps.NullContent, p.caps.ObjectArguments = false, true
		return
	}
	p.caps.ToolResults = hasAll(p.text(p.callTrial(user, probeID, true)), probeTool, probeResult)
	p.caps.ShortCallIDs = !p.callShown(p.callTrial(user, probeLongID, false))
}

// callTrial is a conversation with a tool call and its result, and with more
// set also the answer and another question: some templates show past calls
// only in one of the two places.
func (p *trial) callTrial(user Message, id string, short bool) Input {
	call := Message{
		Role:      "assistant",
		ToolCalls: []ToolCall{{ID: id, Name: probeTool, Arguments: `{"` + probeKey + `": "` + probeValue + `"}`}},
	}
	result := p.say("tool", probeResult)
	result.ToolCallID, result.Name = id, probeTool
	messages := []Message{user, call, result}
	if !short {
		messages = append(messages, p.say("assistant", probeAnswer), p.say("user", probeUser2))
	}
	return Input{Messages: messages, Tools: probeDefinition}
}

// callShown reports whether the call of a trial is rendered, and its arguments
// neither as a Python dict nor as JSON inside of a JSON string.
func (p *trial) callShown(in Input) bool {
	if in.Messages[1].ToolCalls == nil {
		return false
	}
	s := p.text(in)
	return hasAll(s, probeValue) && strings.Count(s, probeTool) > p.defined(in) &&
		!strings.Contains(s, `'`+probeKey+`'`) && !strings.Contains(s, `\"`+probeKey)
}

// defined counts how often the tool's name is rendered without the call.
func (p *trial) defined(in Input) int {
	return strings.Count(p.text(Input{Messages: in.Messages[:1], Tools: in.Tools}), probeTool)
}

// reasoningKeys are the keys of reasoning in use, the usual one first.
var reasoningKeys = []string{"reasoning_content", "reasoning", "thinking", "thought"}

func (p *trial) probeThinking(user Message) {
	on, off := true, false
	thinking := p.text(Input{Messages: []Message{user}, EnableThinking: &on})
	p.caps.Thinking = thinking != p.text(Input{Messages: []Message{user}, EnableThinking: &off})

	answer := p.say("assistant", probeAnswer)
	answer.ReasoningContent = probeReasoning
	for _, key := range reasoningKeys {
		p.caps.ReasoningKey = key
		for _, enable := range []*bool{nil, &on} {
			trials := []Input{{Messages: []Message{user, answer}, EnableThinking: enable}}
			if p.caps.ToolCalls {
				call := p.callTrial(user, probeID, true)
				call.Messages[1].ReasoningContent = probeReasoning
				call.EnableThinking = enable
				trials = append(trials, call)
			}
			for _, in := range trials {
				if strings.Contains(p.text(in), probeReasoning) {
					return
				}
			}
		}
	}
	p.caps.ReasoningKey = reasoningKeys[0]
}
