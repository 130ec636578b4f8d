package bench

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Printer writes results in one format.
type Printer interface {
	// Begin is called once, before the first result.
	Begin(h Head) error
	// Result writes one result at once.
	Result(r *Result) error
	// End is called after the last result.
	End() error
}

// Formats are the output formats: a table, comma separated values, one JSON array,
// and one JSON object a line.
var Formats = map[string]func(w io.Writer, p Params) Printer{
	"md":    func(w io.Writer, p Params) Printer { return &table{w: w, p: p} },
	"csv":   func(w io.Writer, _ Params) Printer { return &csvPrinter{w: csv.NewWriter(w)} },
	"json":  func(w io.Writer, _ Params) Printer { return &jsonPrinter{w: w} },
	"jsonl": func(w io.Writer, _ Params) Printer { return jsonLines{json.NewEncoder(w)} },
}

type jsonLines struct{ e *json.Encoder }

func (jsonLines) Begin(Head) error         { return nil }
func (j jsonLines) Result(r *Result) error { return j.e.Encode(r) }
func (jsonLines) End() error               { return nil }

type jsonPrinter struct {
	w io.Writer
	n int
}

func (j *jsonPrinter) Begin(Head) error { return j.print("[\n") }

func (j *jsonPrinter) Result(r *Result) error {
	b, err := json.MarshalIndent(r, "  ", "  ")
	if err != nil {
		return err
	}
	before := "  "
	if j.n++; j.n > 1 {
		before = ",\n  "
	}
	return j.print(before + string(b))
}

func (j *jsonPrinter) End() error { return j.print("\n]\n") }

func (j *jsonPrinter) print(s string) error {
	_, err := io.WriteString(j.w, s)
	return err
}

// namedValue is a scalar of a result by its JSON name.
type namedValue struct{ name, value string }

// scalars returns the fields of a struct that are no lists, those of embedded
// structs included.
func scalars(v reflect.Value) (out []namedValue) {
	for i := range v.NumField() {
		f, t := v.Field(i), v.Type().Field(i)
		if t.Anonymous {
			out = append(out, scalars(f)...)
			continue
		}
		name := t.Tag.Get("json")
		if name == "" {
			continue
		}
		switch f.Kind() {
		case reflect.Slice:
		case reflect.Float64:
			out = append(out, namedValue{name, strconv.FormatFloat(f.Float(), 'f', 6, 64)})
		default:
			out = append(out, namedValue{name, fmt.Sprint(f.Interface())})
		}
	}
	return out
}

type csvPrinter struct{ w *csv.Writer }

func (c *csvPrinter) Begin(Head) error {
	var names []string
	for _, f := range scalars(reflect.ValueOf(Result{})) {
		names = append(names, f.name)
	}
	return c.write(names)
}

func (c *csvPrinter) Result(r *Result) error {
	var values []string
	for _, f := range scalars(reflect.ValueOf(*r)) {
		values = append(values, f.value)
	}
	return c.write(values)
}

func (c *csvPrinter) write(record []string) error {
	if err := c.w.Write(record); err != nil {
		return err
	}
	c.w.Flush()
	return c.w.Error()
}

func (*csvPrinter) End() error { return nil }

// table is llama-bench's table with one column more: the share of the roof.
type table struct {
	w    io.Writer
	p    Params
	cols []column
	last *Result
}

// column is one column of the table; a negative width aligns left.
type column struct {
	title string
	width int
	value func(r *Result) string
}

// columns returns those that say something in this run.
func (t *table) columns() []column {
	cols := []column{
		{"model", -30, func(r *Result) string { return r.ModelType }},
		{"size", 10, func(r *Result) string { return sizeText(r.ModelSize) }},
		{"params", 10, func(r *Result) string { return paramsText(r.ModelParams) }},
		{"backend", -10, func(r *Result) string { return r.Backends }},
		{"threads", 7, func(r *Result) string { return strconv.Itoa(r.Threads) }},
	}
	optional := []struct {
		column
		values []string
		usual  string
	}{
		{column{"n_batch", 7, func(r *Result) string { return strconv.Itoa(r.Batch) }}, texts(t.p.Batch), "0"},
		{column{"type_kv", -7, func(r *Result) string { return r.TypeK }}, t.p.KVType, "i16"},
		{column{"kv", -10, func(r *Result) string { return r.KV }}, t.p.KV, "dense"},
		{column{"attention", -10, func(r *Result) string { return r.Attention }}, t.p.Attention, "dense"},
		{column{"precision", -9, func(r *Result) string { return r.Precision }}, t.p.Precision, "standard"},
	}
	for _, o := range optional {
		if slices.ContainsFunc(o.values, func(v string) bool { return v != o.usual && v != "" }) {
			cols = append(cols, o.column)
		}
	}
	return append(cols,
		column{"test", 15, (*Result).Test},
		column{"t/s", 20, func(r *Result) string { return fmt.Sprintf("%.2f ± %.2f", r.AvgTS, r.StdDevTS) }},
		column{"roof", 22, roofText})
}

func texts(n []int) (out []string) {
	for _, v := range n {
		out = append(out, strconv.Itoa(v))
	}
	return out
}

func (t *table) Begin(h Head) error {
	t.cols = t.columns()
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", h.CPU)
	if h.StreamGBs != nil {
		fmt.Fprintf(&b, "memory: ")
		for i, v := range h.StreamGBs {
			fmt.Fprintf(&b, "%s%.1f GB/s with %d thread%s", []string{"", ", "}[min(i, 1)], v, h.Threads[i], []string{"", "s"}[min(h.Threads[i]-1, 1)])
		}
		fmt.Fprintf(&b, " (256 MiB read)\n")
	}
	fmt.Fprintln(&b)
	rule := "|"
	b.WriteString("|")
	for _, c := range t.cols {
		fmt.Fprintf(&b, " %s |", pad(c.title, c.width))
		dashes := strings.Repeat("-", max(c.width, -c.width)-1)
		if c.width > 0 {
			rule += " " + dashes + ": |"
		} else {
			rule += " -" + dashes + " |"
		}
	}
	fmt.Fprintf(&b, "\n%s\n", rule)
	_, err := io.WriteString(t.w, b.String())
	return err
}

func (t *table) Result(r *Result) error {
	line := "|"
	for _, c := range t.cols {
		line += " " + pad(c.value(r), c.width) + " |"
	}
	t.last = r
	_, err := fmt.Fprintln(t.w, line)
	return err
}

func (t *table) End() error {
	if t.last == nil {
		return nil
	}
	_, err := fmt.Fprintf(t.w, "\nbuild: %s (%s)\n", orUnknown(t.last.BuildCommit), t.last.TestTime)
	return err
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

// pad fills text up with spaces: on the left, or for a negative width on the right.
func pad(text string, width int) string {
	spaces := strings.Repeat(" ", max(0, max(width, -width)-utf8.RuneCountInString(text)))
	if width < 0 {
		return text + spaces
	}
	return spaces + text
}

func roofText(r *Result) string {
	switch {
	case r.RoofGBs > 0:
		return fmt.Sprintf("%.0f %% of %.1f GB/s", 100*r.Share, r.RoofGBs)
	case r.RoofGOPs > 0:
		return fmt.Sprintf("%.0f %% of %.0f GOP/s", 100*r.Share, r.RoofGOPs)
	}
	return ""
}

func sizeText(bytes int64) string {
	if bytes < 1<<30 {
		return fmt.Sprintf("%.2f MiB", float64(bytes)/(1<<20))
	}
	return fmt.Sprintf("%.2f GiB", float64(bytes)/(1<<30))
}

func paramsText(n uint64) string {
	if n < 1e9 {
		return fmt.Sprintf("%.2f M", float64(n)/1e6)
	}
	return fmt.Sprintf("%.2f B", float64(n)/1e9)
}
