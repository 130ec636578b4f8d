package bench

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseInts(t *testing.T) {
	for text, want := range map[string][]int{
		"512":         {512},
		"0":           {0},
		"1,2,4":       {1, 2, 4},
		"1-4":         {1, 2, 3, 4},
		"1-9+4":       {1, 5, 9},
		"1-10+4":      {1, 5, 9},
		"128-1024*2":  {128, 256, 512, 1024},
		"5-5":         {5},
		"3,1-2,8-9+1": {3, 1, 2, 8, 9},
	} {
		got, err := ParseInts(text, 1024)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for text, problem := range map[string]string{
		"":                     "want a number from 0 to 1024",
		"x":                    "want a number",
		"1,":                   "want a number",
		"-1":                   "want a number",
		"1025":                 "want a number from 0 to 1024",
		"1-2-3":                "want a number",
		"4-1":                  "range is empty",
		"1-4+0":                "does not advance",
		"1-4*1":                "does not advance",
		"0-4*2":                "does not advance",
		"1-+2":                 "want a number",
		"1e3":                  "want a number",
		"99999999999999999999": "want a number",
	} {
		_, err := ParseInts(text, 1024)
		require.ErrorContains(t, err, problem, "%q", text)
	}
	_, err := ParseInts("0-20000", 1<<20)
	require.ErrorContains(t, err, "more than 10000 values")
}

func FuzzParseInts(f *testing.F) {
	for _, s := range []string{"512", "1,2,4", "1-9+4", "128-1024*2", "0-4*2", "9-", "1-2-3", "-", ","} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseInts(text, 5000)
		if err != nil {
			return
		}
		require.NotEmpty(t, got)
		require.LessOrEqual(t, len(got), maxList)
		for _, v := range got {
			require.GreaterOrEqual(t, v, 0)
			require.LessOrEqual(t, v, 5000)
		}
	})
}

func TestParsePair(t *testing.T) {
	got, err := ParsePair("512,128", 1000)
	require.NoError(t, err)
	require.Equal(t, [2]int{512, 128}, got)
	for _, text := range []string{"", "512", "1,2,3", "a,1", "1,b", "-1,2", "1,2000", "1;2"} {
		_, err := ParsePair(text, 1000)
		require.ErrorContains(t, err, "two numbers from 0 to 1000", "%q", text)
	}
}

func names(p Params) (out []string) {
	for _, s := range p.Settings() {
		out = append(out, fmt.Sprintf("%s t%d %s", s.Name(), s.Threads, s.KVType))
	}
	return out
}

func TestSettings(t *testing.T) {
	p := Params{Models: []string{"m"}, Prompt: []int{512, 0}, Gen: []int{0, 128}, PromptGen: [][2]int{{64, 16}, {0, 0}, {8, 0}}}
	require.Equal(t, []string{"pp512 t0 ", "tg128 t0 ", "pp64+tg16 t0 ", "pp8 t0 "}, names(p))

	// Every combination, those that share an engine side by side.
	p = Params{
		Models: []string{"m"}, Prompt: []int{8}, Gen: []int{4}, Depth: []int{0, 100},
		Threads: []int{1, 2}, KVType: []string{"f16", "q8_0"}, Streams: []int{1, 3},
	}
	require.Equal(t, []string{
		"pp8 t1 f16", "tg4 t1 f16", "tg4 x3 t1 f16", "pp8 @ d100 t1 f16", "tg4 @ d100 t1 f16", "tg4 x3 @ d100 t1 f16",
		"pp8 t2 f16", "tg4 t2 f16", "tg4 x3 t2 f16", "pp8 @ d100 t2 f16", "tg4 @ d100 t2 f16", "tg4 x3 @ d100 t2 f16",
		"pp8 t1 q8_0", "tg4 t1 q8_0", "tg4 x3 t1 q8_0", "pp8 @ d100 t1 q8_0", "tg4 @ d100 t1 q8_0", "tg4 x3 @ d100 t1 q8_0",
		"pp8 t2 q8_0", "tg4 t2 q8_0", "tg4 x3 t2 q8_0", "pp8 @ d100 t2 q8_0", "tg4 @ d100 t2 q8_0", "tg4 x3 @ d100 t2 q8_0",
	}, names(p))

	p = Params{
		Models: []string{"a", "b"}, Gen: []int{1}, Batch: []int{16, 32}, KV: []string{"dense", "sinks"},
		Attention: []string{"dense", "quest"}, Precision: []string{"standard", "high"},
	}
	settings := p.Settings()
	require.Len(t, settings, 2*2*2*2*2)
	seen := map[Engine]bool{}
	for i, s := range settings {
		require.False(t, seen[s.Engine], "setting %d", i)
		seen[s.Engine] = true
		require.Equal(t, []string{"a", "b"}[i/16], s.Model)
	}
	require.Empty(t, names(Params{Models: []string{"m"}}))
}
