package eval

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFills(t *testing.T) {
	for name := range Fills {
		a, err := newFill(name, &draw{seed: 5, use: useFill})
		require.NoError(t, err)
		b, err := newFill(name, &draw{seed: 5, use: useFill})
		require.NoError(t, err)
		text := ""
		for range 100 {
			s := a()
			require.Equal(t, s, b(), "%s: equal seeds give equal text", name)
			text += s
		}
		require.NotRegexp(t, `[0-9{}-]`, text, name)
		for _, w := range adjectives {
			require.NotRegexp(t, `\b`+w+`\b`, text, "%s has words of keys", name)
		}
	}
	_, err := newFill("poems", &draw{})
	require.ErrorIs(t, err, ErrSetting)
	_, err = newFill("file:/nowhere/at/all", &draw{})
	require.Error(t, err)
}

// TestProseHasNoSentenceTwice within what a context holds.
func TestProseHasNoSentenceTwice(t *testing.T) {
	next := proseFill(&draw{seed: 1, use: useFill})
	seen := map[string]bool{}
	for range 1000 {
		s := strings.TrimSpace(next())
		require.False(t, seen[s], s)
		seen[s] = true
		require.Regexp(t, `^[A-Z].*\.$`, s)
		require.NotRegexp(t, `\b[Aa] [aeiou]`, s)
	}
}

func TestFileFill(t *testing.T) {
	next, err := fileFill("One 1 here. Two 22 there. ", &draw{seed: 2})
	require.NoError(t, err)
	all := next() + next() + next()
	require.NotRegexp(t, `[0-9]`, all)
	require.Contains(t, all, "here. ")
	_, err = fileFill("12 ", &draw{})
	require.ErrorIs(t, err, ErrSetting)
}

// TestTasks: prompts are functions of the cell, hold what is asked for and say it
// nowhere in the question.
func TestTasks(t *testing.T) {
	for name, f := range Tasks {
		c := Cell{Ctx: 2048, Depth: 30, I: 3, Seed: 9}
		m, again := f(c, newTaskDraws(name, c)), f(c, newTaskDraws(name, c))
		require.Equal(t, m.needles, again.needles, name)
		require.Equal(t, m.answers, again.answers, name)
		require.NotEmpty(t, m.answers, name)
		require.Len(t, m.depths, len(m.needles), name)
		c.I++
		other := f(c, newTaskDraws(name, c))
		require.NotEqual(t, m.answers, other.answers, name)
		context := strings.Join(m.needles, "")
		if m.list != nil {
			context = m.list(200)
			require.Equal(t, context, again.list(200), name)
		}
		for i, a := range m.answers {
			require.Contains(t, context, a, name)
			require.NotContains(t, m.question+m.prefix, a, name)
			for j, b := range m.answers {
				require.False(t, i != j && strings.Contains(a, b), "%s: %s holds %s", name, a, b)
			}
		}
	}
}

func TestTrackingTellsTheChain(t *testing.T) {
	c := Cell{Ctx: 4096, Depth: 40, Seed: 1}
	m := tracking(c, newTaskDraws("vt", c))
	at := map[string]int{}
	value := regexp.MustCompile(`value (\d{5})`).FindStringSubmatch(m.question)[1]
	holds := map[string]bool{}
	order := make([]int, len(m.needles))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return m.depths[a] - m.depths[b] })
	for _, i := range order {
		f := strings.Fields(strings.TrimSuffix(strings.TrimSpace(m.needles[i]), "."))
		from := f[len(f)-1]
		holds[f[1]] = from == value || holds[from]
		at[f[1]] = m.depths[i]
	}
	var got []string
	for n, h := range holds {
		if h {
			got = append(got, n)
		}
	}
	require.ElementsMatch(t, m.answers, got, "read in order, the text says what is asked")
	require.Equal(t, 40, at[m.answers[0]])
}

func TestCommonWordsAreTheMostCommon(t *testing.T) {
	for _, f := range []string{"cwe", "fwe"} {
		c := Cell{Ctx: 4096, Seed: 4}
		m := Tasks[f](c, newTaskDraws(f, c))
		count := map[string]int{}
		for _, w := range strings.Fields(m.list(900)) {
			count[w]++
		}
		least := 1 << 30
		for _, a := range m.answers {
			least = min(least, count[a])
		}
		for w, n := range count {
			require.False(t, !slices.Contains(m.answers, w) && w != "..." && n >= least, "%s: %s %d times, an answer %d", f, w, n, least)
		}
	}
}

func TestDepths(t *testing.T) {
	d := newTaskDraws("x", Cell{})
	for range 50 {
		at := d.depths(37, 8)
		require.Equal(t, 37, at[0])
		slices.Sort(at)
		require.Len(t, slices.Compact(at), 8)
		require.True(t, at[0] >= 0 && at[7] <= 100)
	}
}

func TestWeave(t *testing.T) {
	sentences, ends := []string{"a ", "b ", "c ", "d "}, []int{10, 20, 30, 40}
	for _, c := range []struct {
		depth int
		want  string
	}{{0, "Xa b c d "}, {24, "Xa b c d "}, {25, "a Xb c d "}, {60, "a b Xc d "}, {100, "a b c d X"}} {
		m := &material{needles: []string{"X"}, depths: []int{c.depth}}
		require.Equal(t, c.want, weave(sentences, ends, m), "depth %d", c.depth)
	}
}

func TestShare(t *testing.T) {
	for _, c := range []struct {
		out    string
		wanted []string
		digits bool
		want   float64
	}{
		{" 12345.", []string{"12345"}, true, 1},
		{" 123456", []string{"12345"}, true, 0}, // a part of a number is none of it
		{"it is 99999 or 12345", []string{"12345"}, true, 0},
		{"2, 1 and 3", []string{"1", "2", "4"}, true, 2.0 / 3},
		{"1, 1, 1, 2", []string{"1", "2"}, true, 1},
		{"ABCDE FGHIJ", []string{"FGHIJ", "XXXXX"}, false, 0.5},
		{"", []string{"a"}, false, 0},
	} {
		require.InDelta(t, c.want, share(c.out, c.wanted, c.digits), 1e-12, "%q", c.out)
	}
	require.InDelta(t, 0.5, contains("xx123456", []string{"12345", "9"}), 1e-12)
}

func TestCells(t *testing.T) {
	o := NeedleOptions{Ctx: []int{1, 2}, Depths: []int{0, 9}, Keys: 3, Seeds: []uint64{7, 8}}
	cells := o.cells()
	require.Len(t, cells, 24)
	seen := map[string]bool{}
	for _, c := range cells {
		seen[fmt.Sprint(c)] = true
	}
	require.Len(t, seen, 24)
}
