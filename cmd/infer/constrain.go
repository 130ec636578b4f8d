package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"kvasir"
)

// constraintFlags limit what is generated.
type constraintFlags struct {
	grammar string
	schema  string
	regex   string
	choices []string
	compact bool
}

func (f *constraintFlags) bind(fl *pflag.FlagSet) {
	fl.StringVar(&f.grammar, "grammar", "", "write a text of the GBNF grammar in this file")
	fl.StringVar(&f.schema, "json-schema", "", "write JSON that validates against this schema: a file, or the schema itself ({} is any JSON)")
	fl.StringVar(&f.regex, "regex", "", "write a text that this regular expression matches as a whole")
	fl.StringArrayVar(&f.choices, "choice", nil, "write one of the given texts (to be repeated)")
	fl.BoolVar(&f.compact, "json-compact", false, "with --json-schema: no space but a blank after comma and colon, which is faster")
}

// constraint reads the files and checks what they say.
func (a *app) constraint(f *constraintFlags) (c kvasir.Constraint, err error) {
	c = kvasir.Constraint{Regex: f.regex, Choices: f.choices, Compact: f.compact, JSONSchema: f.schema}
	if f.grammar != "" {
		b, err := a.readFile(f.grammar)
		if err != nil {
			return c, err
		}
		if c.Grammar = string(b); strings.TrimSpace(c.Grammar) == "" {
			return c, fmt.Errorf("%s: the grammar is empty", f.grammar)
		}
	}
	if s := strings.TrimSpace(f.schema); s != "" && s[0] != '{' && s != "true" && s != "false" {
		b, err := os.ReadFile(f.schema)
		if err != nil {
			return c, fmt.Errorf("schema: %w", err)
		}
		c.JSONSchema = string(b)
	}
	if err := c.Validate(); err != nil {
		return c, usageError{err}
	}
	return c, nil
}
