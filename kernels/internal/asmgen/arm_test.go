package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestArmWords compares every form with what the GNU assembler makes of it: lines of
// a word and its text, three with different numbers for each form.
func TestArmWords(t *testing.T) {
	f, err := os.Open("testdata/arm64words.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	n := 0
	for s := bufio.NewScanner(f); s.Scan(); n++ {
		want, text, _ := strings.Cut(s.Text(), " ")
		if got := fmt.Sprintf("%08x", armWord(text)); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
	if n != 3*len(armForms) {
		t.Errorf("%d words for %d forms", n, len(armForms))
	}
}
