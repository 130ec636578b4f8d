package eval

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// Cell addresses prompts of a task: context in tokens, depth in percent, and the
// index within the cell.
type Cell struct {
	Ctx, Depth, I int
	Seed          uint64
}

// material is what a task hides and asks for. The context is the fill with the
// needles at their depths, or what list writes.
type material struct {
	intro    string
	needles  []string // sentences; the first is at the cell's depth
	depths   []int    // of the needles, in percent
	list     func(n int) string
	question string
	prefix   string   // the answer begins with it
	answers  []string // all wanted, in any order
	digits   bool     // answers are numbers
}

// Tasks are the ways to ask, after RULER (Hsieh et al., 2024). The prompts are
// generated; nothing is downloaded.
var Tasks = map[string]func(c Cell, d *taskDraws) material{
	"passkey":    passkey,
	"single":     func(c Cell, d *taskDraws) material { return magic(c, d, 1, 1, 1) },
	"multikey":   func(c Cell, d *taskDraws) material { return magic(c, d, 4, 1, 1) },
	"multivalue": func(c Cell, d *taskDraws) material { return magic(c, d, 1, 4, 1) },
	"multiquery": func(c Cell, d *taskDraws) material { return magic(c, d, 4, 1, 4) },
	"vt":         tracking,
	"cwe":        commonWords,
	"fwe":        frequentWords,
}

// TaskNames lists the tasks.
func TaskNames() string {
	names := make([]string, 0, len(Tasks)+1)
	for n := range Tasks {
		names = append(names, n)
	}
	names = append(names, "recall")
	sort.Strings(names)
	return strings.Join(names, ", ")
}

// taskDraws are the sources of draws of one prompt.
type taskDraws struct{ needle, place, value, list draw }

func newTaskDraws(task string, c Cell) *taskDraws {
	doc := docOf(fmt.Sprintf("%s/%d/%d/%d", task, c.Ctx, c.Depth, c.I))
	src := func(use uint64) draw { return draw{seed: c.Seed, doc: doc, use: use} }
	return &taskDraws{needle: src(useNeedle), place: src(usePlace), value: src(useValue), list: src(useList)}
}

// key draws a key that the prompt has not used.
func (d *taskDraws) key(used map[string]bool) string {
	for {
		k := adjectives[d.needle.below(len(adjectives))] + "-" + nouns[d.needle.below(len(nouns))]
		if !used[k] {
			used[k] = true
			return k
		}
	}
}

// number draws a number of n digits without leading zero that is no part of
// another of the prompt.
func (d *taskDraws) number(n int, used map[string]bool) string {
	for {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte('0' + d.value.below(10))
		}
		if b[0] != '0' && !used[string(b)] {
			used[string(b)] = true
			return string(b)
		}
	}
}

// depths puts the first needle at the cell's depth and draws the others from 40
// steps, as RULER does.
func (d *taskDraws) depths(first, n int) []int {
	at := []int{first}
	for len(at) < n {
		if p := (200*d.place.below(40) + 39) / 78; !slices.Contains(at, p) {
			at = append(at, p)
		}
	}
	return at
}

// passkey hides one five-digit key, said twice in one place.
func passkey(c Cell, d *taskDraws) material {
	used := map[string]bool{}
	key, v := d.key(used), d.number(5, used)
	return material{
		intro:    "There is important information hidden in the following text: a pass key. Memorize it, you will be asked for it.\n\n",
		needles:  []string{fmt.Sprintf("The pass key for %s is %s. Remember it: %s is the pass key for %s. ", key, v, v, key)},
		depths:   []int{c.Depth},
		question: fmt.Sprintf("\n\nWhat is the pass key for %s?", key),
		prefix:   fmt.Sprintf("The pass key for %s is", key),
		answers:  []string{v}, digits: true,
	}
}

// magic hides numbers under keys with RULER's sentence and asks for those of the
// first ask keys.
func magic(c Cell, d *taskDraws, keys, values, ask int) material {
	used := map[string]bool{}
	m := material{digits: true}
	var asked []string
	for k := range keys {
		key := d.key(used)
		for range values {
			v := d.number(7, used)
			m.needles = append(m.needles, fmt.Sprintf("One of the special magic numbers for %s is: %s. ", key, v))
			if k < ask {
				m.answers = append(m.answers, v)
			}
		}
		if k < ask {
			asked = append(asked, key)
		}
	}
	m.depths = d.depths(c.Depth, len(m.needles))
	of := enumerate(asked)
	m.intro = "Some special magic numbers are hidden within the following text. Make sure to memorize them. I will quiz you about the numbers afterwards.\n\n"
	if len(m.answers) == 1 {
		m.question = fmt.Sprintf("\n\nWhat is the special magic number for %s mentioned in the provided text?", of)
		m.prefix = fmt.Sprintf("The special magic number for %s mentioned in the provided text is", of)
		return m
	}
	m.question = fmt.Sprintf("\n\nWhat are all the special magic numbers for %s mentioned in the provided text?", of)
	m.prefix = fmt.Sprintf("The special magic numbers for %s mentioned in the provided text are", of)
	return m
}

// enumerate joins words as a list is written.
func enumerate(w []string) string {
	if len(w) < 2 {
		return strings.Join(w, "")
	}
	return strings.Join(w[:len(w)-1], ", ") + " and " + w[len(w)-1]
}

// tracking assigns a number to a variable and passes it on four times; the
// variables that hold it are wanted. Another chain is there to mislead. A solved
// example with names of its own comes first.
func tracking(c Cell, d *taskDraws) material {
	const hops = 4
	used := map[string]bool{}
	name := func() string {
		for {
			b := make([]byte, 5)
			for i := range b {
				b[i] = byte('A' + d.needle.below(26))
			}
			if !used[string(b)] {
				used[string(b)] = true
				return string(b)
			}
		}
	}
	chain := func() (names, lines []string, value string) {
		value = d.number(5, used)
		for h := range hops + 1 {
			n := name()
			if h == 0 {
				lines = append(lines, fmt.Sprintf("VAR %s = %s. ", n, value))
			} else {
				lines = append(lines, fmt.Sprintf("VAR %s = VAR %s. ", n, names[h-1]))
			}
			names = append(names, n)
		}
		return names, lines, value
	}
	exNames, exLines, exValue := chain()
	names, lines, value := chain()
	_, other, _ := chain()
	ask := func(v string) string {
		return fmt.Sprintf("Question: Find all variables that are assigned the value %s in the text above.", v)
	}
	answer := func(v string) string {
		return fmt.Sprintf("Answer: According to the chains of variable assignment in the text above, %d variables are assigned the value %s, they are:", hops+1, v)
	}
	at := d.depths(c.Depth, hops+1)
	rest := at[1:]
	sort.Ints(rest)
	for i := range rest { // a chain is told in order, from its depth on
		rest[i] = c.Depth + rest[i]*(100-c.Depth)/100
	}
	far := d.depths(d.place.below(101), len(other))
	sort.Ints(far)
	return material{
		intro: "Memorize and track the chains of variable assignment hidden in the following text.\n\n" + strings.Join(exLines, "") + "\n" +
			ask(exValue) + " " + answer(exValue) + " " + strings.Join(exNames, " ") + "\n\n",
		needles: append(lines, other...), depths: append(at, far...),
		question: "\n\n" + ask(value), prefix: answer(value), answers: names,
	}
}

// commonWords lists words of which ten are said often and asks for the ten.
func commonWords(c Cell, d *taskDraws) material {
	often, rare := 30, 3
	if c.Ctx < 4096 {
		often, rare = 6, 1
	}
	used := map[string]bool{}
	words := make([]string, 10)
	for i := range words {
		words[i] = d.word(used)
	}
	return material{
		intro: "Below is a numbered list of words. In these words, some appear more often than others. Memorize the ones that appear most often.\n",
		list: func(n int) string {
			all := repeat(nil, words, often)
			fresh := *d // the same draws for every n
			mine := map[string]bool{}
			for w := range used {
				mine[w] = true
			}
			for len(all) < n {
				all = repeat(all, []string{fresh.word(mine)}, rare)
			}
			fresh.list.shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			var b strings.Builder
			for i, w := range all {
				fmt.Fprintf(&b, "%d. %s ", i+1, w)
			}
			return b.String()
		},
		question: "\nQuestion: What are the 10 most common words in the above list?",
		prefix:   "Answer: The top 10 words that appear most often in the list are:", answers: words,
	}
}

// frequentWords writes coded words whose counts fall as rank^-2 and asks for ranks
// 2 to 4; rank 1 is dots.
func frequentWords(_ Cell, d *taskDraws) material {
	const ranks = 40
	used := map[string]bool{}
	words := make([]string, ranks)
	words[0] = "..."
	for i := 1; i < ranks; i++ {
		words[i] = d.code(used)
	}
	return material{
		intro: "Read the following coded text and track the frequency of each coded word. Find the three most frequently appearing coded words.\n\n",
		list: func(n int) string {
			all := []string{}
			for i, w := range words {
				all = repeat(all, []string{w}, max(1, n*6/(10*(i+1)*(i+1))))
			}
			l := d.list
			l.shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			return strings.Join(all, " ")
		},
		question: "\nQuestion: Do not provide any explanation. Please ignore the dots '....'. What are the three most frequently appeared words in the above coded text?",
		prefix:   "Answer: According to the coded text above, the three most frequently appeared words are:",
		answers:  words[1:4],
	}
}

func repeat(all, words []string, n int) []string {
	for range n {
		all = append(all, words...)
	}
	return all
}

// word draws a common word that the prompt has not used.
func (d *taskDraws) word(used map[string]bool) string {
	for i := 0; ; i++ {
		c := classes["tlof"[d.list.below(4)]]
		w := c[d.list.below(len(c))]
		if i > 200 { // the list is longer than the classes
			w = pseudoWord(&d.list)
		}
		if !used[w] {
			used[w] = true
			return w
		}
	}
}

// code draws six letters.
func (d *taskDraws) code(used map[string]bool) string {
	for {
		b := make([]byte, 6)
		for i := range b {
			b[i] = byte('a' + d.list.below(26))
		}
		if !used[string(b)] {
			used[string(b)] = true
			return string(b)
		}
	}
}
