package chat

import (
	"encoding/json"
	"errors"
	"slices"
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
	ParallelCalls bool // more than one call in a message
	ToolResults   bool // messages of role tool
	// ToolsVar is the variable of tool definitions.
	ToolsVar string
	// EmptyTools: no tools must be an empty list rather than none.
	EmptyTools bool
	// TaggedCalls: the template has calls between <tool_call> tags.
	TaggedCalls bool
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
	t.probe.Do(func() {
		t.caps = probe(t.tmpl)
		t.caps.TaggedCalls = strings.Contains(t.source, "<tool_call>")
		// A template that prints any role it is given need not know these two.
		t.caps.DeveloperRole = t.caps.DeveloperRole && mentions(t.source, "developer")
		t.caps.ToolResults = t.caps.ToolResults &&
			(t.caps.Tools || t.caps.ToolCalls || mentions(t.source, "tool"))
	})
	return t.caps
}

// mentions reports whether a template has a word as a string literal.
func mentions(source, word string) bool {
	return strings.Contains(source, "'"+word+"'") || strings.Contains(source, `"`+word+`"`)
}

// toolVars are the variables of tool definitions in use, the usual one first.
var toolVars = []string{"tools", "xml_tools"}

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
	probeTool2     = "pr0be_second"
	probeID        = "pr0be0001"
	probeID2       = "pr0be0002"
	probeLongID    = "call_pr0be-0123456789"
)

// probeLimits bounds each trial, so that a hostile template costs little.
var probeLimits = jinja.Limits{Steps: 200_000, OutputBytes: 1 << 20, MemoryBytes: 32 << 20, CallDepth: 50}

// trial renders conversations for probe.
type trial struct {
	tmpl *jinja.Template
	caps Caps
	// limited is set once a trial ran into the limits; no more are made then.
	limited bool
}

// text renders a conversation; "" stands for any error.
func (p *trial) text(in Input) string {
	in.AddGenerationPrompt = true
	vars, err := variables(in, p.caps)
	if err != nil || p.limited {
		return ""
	}
	out, err := p.tmpl.Render(vars, jinja.Options{Limits: probeLimits, Now: in.clock()})
	if err != nil {
		p.limited = errors.Is(err, jinja.ErrLimit)
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
// single user message, or runs into the limits, is taken to be able to express
// everything, so that its own error reaches the user.
func probe(tmpl *jinja.Template) Caps {
	able := Caps{
		SystemRole: true, LateSystem: true, DeveloperRole: true, StringContent: true, TypedContent: true, Repeats: true,
		Tools: true, ToolCalls: true, ParallelCalls: true, ToolResults: true, ObjectArguments: true, ToolsVar: toolVars[0], ReasoningKey: reasoningKeys[0],
	}
	p := &trial{tmpl: tmpl, caps: able}
	user := Message{Role: "user", Content: probeUser}
	parts := Message{Role: "user", Parts: []Part{{"text", probeUser}, {"text", probeUser2}}}
	if p.text(Input{Messages: []Message{user}}) == "" {
		p.caps.EmptyTools = true
	}
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
	if p.limited {
		return able
	}
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
	for _, name := range toolVars {
		p.caps.ToolsVar = name
		p.caps.Tools = hasAll(p.text(Input{Messages: []Message{user}, Tools: probeDefinition}), probeUser, probeTool)
		if p.caps.Tools {
			break
		}
	}
	if !p.caps.Tools {
		p.caps.ToolsVar = toolVars[0]
	}
	p.probeCalls(user)
	in := p.callTrial(user, probeID, true)
	writeOutCalls(&in.Messages[1], Caps{ToolCalls: p.caps.ToolCalls})
	p.caps.ToolResults = hasAll(p.text(in), probeResult)
}

// probeCalls finds the form of calls that the template takes.
func (p *trial) probeCalls(user Message) {
	for _, null := range []bool{false, true} {
		for _, object := range []bool{true, false} {
			p.caps.NullContent, p.caps.ObjectArguments = null, object
			if p.callShown(p.callTrial(user, probeID, false)) {
				p.caps.ToolCalls = true
				p.caps.ShortCallIDs = !p.callShown(p.callTrial(user, probeLongID, false))
				p.caps.ParallelCalls = p.parallelShown(user)
				return
			}
		}
	}
	p.caps.ToolCalls, p.caps.ParallelCalls = false, false
	p.caps.NullContent, p.caps.ObjectArguments = false, true
}

// parallelShown reports whether two calls in one message are rendered.
func (p *trial) parallelShown(user Message) bool {
	in := p.callTrial(user, probeID, false)
	call, result := &in.Messages[1], in.Messages[2]
	second := call.ToolCalls[0]
	second.ID, second.Name = probeID2, probeTool2
	call.ToolCalls = append(call.ToolCalls, second)
	result.ToolCallID, result.Name = second.ID, second.Name
	in.Messages = slices.Insert(in.Messages, 3, result)
	return p.callShown(in) && hasAll(p.text(in), probeTool2)
}

// callTrial is a conversation with a tool call and its result, and unless it
// is to be short also the answer and another question: some templates show
// past calls only in one of the two places.
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
// neither as a Python dict nor as JSON inside of a JSON string. What the
// definition of the tool adds to the output does not count.
func (p *trial) callShown(in Input) bool {
	s := p.text(in)
	without := p.text(Input{Messages: in.Messages[:1], Tools: in.Tools})
	more := func(text string) bool { return strings.Count(s, text) > strings.Count(without, text) }
	return more(probeValue) && more(probeTool) && !more(`'`+probeKey+`'`) && !more(`\"`+probeKey)
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
