package eval

import (
	"fmt"
	"os"
	"strings"
)

// Fills are the kinds of text that needles are hidden in; "file:PATH" is another.
var Fills = map[string]func(d *draw) func() string{
	"prose":  proseFill,
	"noise":  noiseFill,
	"repeat": repeatFill,
}

// newFill returns a source of sentences, each with the space or line break that
// follows it.
func newFill(name string, d *draw) (func() string, error) {
	if path, ok := strings.CutPrefix(name, "file:"); ok {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("fill: %w", err)
		}
		return fileFill(string(b), d)
	}
	f, ok := Fills[name]
	if !ok {
		return nil, fmt.Errorf("%w: fill %q: use prose, noise, repeat or file:PATH", ErrSetting, name)
	}
	return f(d), nil
}

// proseFill writes paragraphs of 5 to 9 sentences that keep to one subject.
func proseFill(d *draw) func() string {
	left, subject, seen := 0, 0, map[string]bool{}
	return func() string {
		for range 20 {
			var s string
			if left == 0 {
				subject = d.below(len(classes['n']))
				s = expand(opening[d.below(len(opening))], subject, d)
			} else {
				s = expand(following[d.below(len(following))], subject, d)
			}
			if seen[s] {
				continue
			}
			seen[s] = true
			if left == 0 {
				left = 5 + d.below(5)
			}
			if left--; left == 0 {
				return s + "\n\n"
			}
			return s + " "
		}
		clear(seen) // all that come up were used: begin again
		return "The day ended. "
	}
}

// expand fills a template.
func expand(t string, subject int, d *draw) string {
	pronoun, object := "she", "her" // names alternate
	if subject%2 == 1 {
		pronoun, object = "he", "him"
	}
	var b strings.Builder
	for i := 0; i < len(t); i++ {
		if t[i] != '{' {
			b.WriteByte(t[i])
			continue
		}
		switch c := t[i+1]; c {
		case 'N':
			b.WriteString(classes['n'][subject])
		case 'P':
			b.WriteString(object)
		case 'p':
			if b.Len() == 0 {
				b.WriteString(strings.ToUpper(pronoun[:1]) + pronoun[1:])
			} else {
				b.WriteString(pronoun)
			}
		default:
			b.WriteString(classes[c][d.below(len(classes[c]))])
		}
		i += 2
	}
	return article(b.String())
}

// article puts "an" before vowels.
func article(s string) string {
	for _, v := range "aeiou" {
		s = strings.ReplaceAll(s, " a "+string(v), " an "+string(v))
		if rest, ok := strings.CutPrefix(s, "A "+string(v)); ok {
			s = "An " + string(v) + rest
		}
	}
	return s
}

// noiseFill writes sentences of 6 to 12 pseudo-words.
func noiseFill(d *draw) func() string {
	return func() string {
		words := make([]string, 6+d.below(7))
		for i := range words {
			words[i] = pseudoWord(d)
		}
		return strings.ToUpper(words[0][:1]) + words[0][1:] + " " + strings.Join(words[1:], " ") + ". "
	}
}

func pseudoWord(d *draw) string {
	var b strings.Builder
	for range 2 + d.below(3) {
		b.WriteString(syllables[d.below(len(syllables))])
	}
	return b.String()
}

// repeatFill says the same five sentences over and over, as RULER's "noise" does.
func repeatFill(*draw) func() string {
	i := -1
	return func() string {
		i++
		return repeated[i%len(repeated)] + " "
	}
}

// fileFill reads a user's text from a drawn sentence on, round and round. Digits
// are removed: they could pass for an answer.
func fileFill(text string, d *draw) (func() string, error) {
	text = strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, text)
	var sentences []string
	for _, s := range strings.SplitAfter(text, ". ") {
		if strings.TrimSpace(s) != "" {
			sentences = append(sentences, s)
		}
	}
	if len(sentences) == 0 {
		return nil, fmt.Errorf("%w: the fill has no sentences", ErrSetting)
	}
	i := d.below(len(sentences)) - 1
	return func() string {
		i++
		return sentences[i%len(sentences)]
	}, nil
}
