package server

import (
	"encoding/json"

	"kvasir"
)

// anyObject is the schema of "json_object".
const anyObject = `{"type":"object"}`

// format reads what form the answer has to have: OpenAI's response_format, with
// the schema in an object of its own or, as /v1/responses has it, beside the
// type. A schema is always enforced, strict or not.
func format(o *fields, r *kvasir.Request) {
	if o == nil {
		return
	}
	switch t := o.str("type", "", 64); t {
	case "text":
	case "json_object":
		constrain(o, r, kvasir.Constraint{JSONSchema: anyObject})
	case "json_schema":
		holder := o
		if o.has("json_schema") {
			holder = o.object("json_schema")
		}
		if holder == nil {
			return
		}
		holder.ignore("name", "description", "strict")
		s := schema(holder, "schema")
		if s == nil {
			o.d.fail(invalidValue(holder.at("schema"), "%s is required", holder.at("schema")))
		}
		constrain(o, r, kvasir.Constraint{JSONSchema: string(s)})
		_ = holder.done() // the decoder keeps it
	default:
		o.d.fail(invalidValue(o.at("type"), "%s must be one of text, json_object, json_schema", o.at("type")))
	}
	_ = o.done()
}

// constrain sets the constraint of a request, of which there can be one.
func constrain(f *fields, r *kvasir.Request, c kvasir.Constraint) {
	if r.Constraint.Grammar != "" || r.Constraint.JSONSchema != "" || r.Constraint.Regex != "" || len(r.Constraint.Choices) > 0 {
		f.d.fail(invalidValue(f.path, "the form of the answer is given twice"))
		return
	}
	r.Constraint = c
}

// ownConstraints reads our names, and those of other servers, for constraints.
func ownConstraints(f *fields, r *kvasir.Request) {
	if g := f.str("grammar", "", maxSchemaSize); g != "" {
		constrain(f, r, kvasir.Constraint{Grammar: g})
	}
	if g := f.str("guided_regex", "", maxSchemaSize); g != "" {
		constrain(f, r, kvasir.Constraint{Regex: g})
	}
	if c := f.strs("guided_choice", 1024, maxSchemaSize); len(c) > 0 {
		constrain(f, r, kvasir.Constraint{Choices: c})
	}
	for _, name := range []string{"json_schema", "guided_json"} {
		if s := schema(f, name); s != nil {
			constrain(f, r, kvasir.Constraint{JSONSchema: string(s)})
		}
	}
}

// callSchema is the schema of a call of one of the tools, as a model writes it.
type callSchema struct {
	Type       string         `json:"type"`
	Properties callProperties `json:"properties"`
	Required   []string       `json:"required"`
	Additional bool           `json:"additionalProperties"`
}

type callProperties struct {
	Name struct {
		Const string `json:"const"`
	} `json:"name"`
	Arguments json.RawMessage `json:"arguments"`
}

// mustCall limits the answer to a call of a tool where the request demands one.
func mustCall(c *kvasir.ChatRequest, r *kvasir.Request) {
	if !c.MustCall || len(c.Tools) == 0 {
		return
	}
	var any struct {
		AnyOf []callSchema `json:"anyOf"`
	}
	for _, t := range c.Tools {
		s := callSchema{Type: "object", Required: []string{"name", "arguments"}}
		s.Properties.Name.Const, s.Properties.Arguments = t.Name, t.Parameters
		if t.Parameters == nil {
			s.Properties.Arguments = json.RawMessage(anyObject)
		}
		any.AnyOf = append(any.AnyOf, s)
	}
	b, err := json.Marshal(any)
	if err != nil { // the parameters were parsed: they are JSON
		return
	}
	r.Constraint = kvasir.Constraint{JSONSchema: string(b)}
}
