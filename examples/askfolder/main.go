// Command askfolder answers questions about a folder of text files: it cuts them
// into passages, finds those that fit a question (BM25) and lets a model answer
// from them, with its sources.
//
//	go run ./examples/askfolder -m model.gguf FOLDER "question"
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"kvasir"
)

func main() {
	model := flag.String("m", "", "model file (GGUF)")
	top := flag.Int("top", 3, "passages to answer from")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if *model == "" || flag.NArg() != 2 {
		fmt.Fprintln(os.Stderr, "usage: askfolder -m model.gguf FOLDER QUESTION")
		os.Exit(2)
	}
	if err := run(ctx, *model, flag.Arg(0), flag.Arg(1), *top); err != nil {
		fmt.Fprintln(os.Stderr, "askfolder:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, model, folder, question string, top int) error {
	idx, err := readFolder(os.DirFS(folder))
	if err != nil {
		return err
	}
	found := idx.search(question, top)
	if len(found) == 0 {
		return errors.New("no passage has any word of the question")
	}
	eng, err := kvasir.Open(model, kvasir.Options{})
	if err != nil {
		return err
	}
	defer eng.Close()
	var text strings.Builder
	for i, p := range found {
		fmt.Fprintf(&text, "[%d] %s\n\n", i+1, p.text)
	}
	r := kvasir.ChatRequest{Messages: []kvasir.Message{
		{Role: "system", Content: "Answer from the passages only, in one or two sentences. Say so if they do not tell."},
		{Role: "user", Content: text.String() + "Question: " + question},
	}}
	r.MaxTokens, r.Sampling = 200, kvasir.Greedy()
	for tok, err := range eng.Chat(ctx, r) {
		if err != nil {
			return err
		}
		fmt.Print(tok.Text)
	}
	fmt.Println()
	for i, p := range found {
		fmt.Printf("[%d] %s, from line %d\n", i+1, p.file, p.line)
	}
	return nil
}

// passage is a part of a file.
type passage struct {
	file  string
	line  int
	text  string
	words map[string]int
	n     int
}

// index finds passages by words.
type index struct {
	passages []passage
	with     map[string]int // passages that have a word
	mean     float64        // words of a passage
}

// Bounds of what is read.
const (
	maxFile     = 4 << 20
	passageSize = 120 // words
)

// readFolder cuts all text files below a folder into passages at paragraphs.
func readFolder(dir fs.FS) (*index, error) {
	idx := &index{with: map[string]int{}}
	err := fs.WalkDir(dir, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if info, err := d.Info(); err != nil || info.Size() > maxFile {
			return err
		}
		b, err := fs.ReadFile(dir, path)
		if err != nil || !utf8.Valid(b) || strings.IndexByte(string(b), 0) >= 0 {
			return err // not text
		}
		idx.addFile(filepath.FromSlash(path), string(b))
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(idx.passages) == 0 {
		return nil, errors.New("there is no text in the folder")
	}
	total := 0
	for _, p := range idx.passages {
		total += p.n
	}
	idx.mean = float64(total) / float64(len(idx.passages))
	return idx, nil
}

func (x *index) addFile(file, text string) {
	line := 1
	part, from := "", 1
	for _, paragraph := range strings.SplitAfter(text, "\n\n") {
		if part != "" && len(words(part))+len(words(paragraph)) > passageSize {
			x.add(file, part, from)
			part = ""
		}
		if part == "" {
			from = line
		}
		part += paragraph
		line += strings.Count(paragraph, "\n")
	}
	x.add(file, part, from)
}

func (x *index) add(file, text string, line int) {
	p := passage{file: file, line: line, text: strings.TrimSpace(text), words: map[string]int{}}
	for _, w := range words(text) {
		if p.words[w]++; p.words[w] == 1 {
			x.with[w]++
		}
		p.n++
	}
	if p.n > 0 {
		x.passages = append(x.passages, p)
	}
}

func words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// search returns the passages that fit a question best, by BM25 (Robertson and
// Zaragoza, The Probabilistic Relevance Framework, 2009) with k1 = 1.2, b = 0.75.
func (x *index) search(question string, n int) []passage {
	type hit struct {
		score float64
		i     int
	}
	var hits []hit
	for i, p := range x.passages {
		score := 0.0
		for _, w := range words(question) {
			f := float64(p.words[w])
			df := float64(x.with[w])
			idf := math.Log(1 + (float64(len(x.passages))-df+0.5)/(df+0.5))
			score += idf * f * 2.2 / (f + 1.2*(0.25+0.75*float64(p.n)/x.mean))
		}
		if score > 0 {
			hits = append(hits, hit{score, i})
		}
	}
	sort.SliceStable(hits, func(a, b int) bool { return hits[a].score > hits[b].score })
	var out []passage
	for _, h := range hits[:min(n, len(hits))] {
		out = append(out, x.passages[h.i])
	}
	return out
}
