// Package lint holds tests of the source itself: which package may import which,
// how long files and functions may be, and what must not appear in the tree. It
// reads source with go/parser and runs no tool, so it is part of every go test.
//
// A rule that has to give way names the place in a table with the reason, or in the
// code with a marker; a table entry that is no longer needed fails as well.
package lint
