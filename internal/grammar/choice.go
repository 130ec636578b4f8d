package grammar

import "fmt"

// maxChoices is how many choices a list may have.
const maxChoices = 10000

// Choices are the rules of a text that is one of the given ones.
func Choices(texts []string) (*Rules, error) {
	if len(texts) == 0 {
		return nil, fmt.Errorf("a list of no choices: %w", ErrImpossible)
	}
	if len(texts) > maxChoices {
		return nil, fmt.Errorf("%d choices, more than %d: %w", len(texts), maxChoices, ErrTooComplex)
	}
	var subs []*Expr
	for _, t := range texts {
		if t == "" {
			return nil, fmt.Errorf("%w: an empty choice", ErrSyntax)
		}
		subs = append(subs, lit(t))
	}
	r := &Rules{}
	r.add("choice", alt(subs...))
	return r, nil
}
