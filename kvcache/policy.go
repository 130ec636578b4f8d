package kvcache

import (
	"fmt"
	"sort"
	"strings"
)

// Policy decides what a sequence keeps. It never touches K or V bytes.
type Policy interface {
	// Name is the name that users select it by.
	Name() string
	// Exact reports whether nothing is dropped, merged or approximated.
	Exact() bool
}

// Policies are the policies that can be selected by name.
var Policies = map[string]Policy{
	"dense": dense{},
}

// dense keeps every token that a layer can see, until the context is full.
type dense struct{}

func (dense) Name() string { return "dense" }
func (dense) Exact() bool  { return true }

// LookupPolicy returns the policy of that name; "" means dense.
func LookupPolicy(name string) (Policy, error) {
	if name == "" {
		name = "dense"
	}
	if p, ok := Policies[name]; ok {
		return p, nil
	}
	names := make([]string, 0, len(Policies))
	for n := range Policies {
		names = append(names, n)
	}
	sort.Strings(names)
	return nil, fmt.Errorf("unknown cache policy %q: use one of %s", name, strings.Join(names, ", "))
}
