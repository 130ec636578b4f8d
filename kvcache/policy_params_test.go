package kvcache

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPace(t *testing.T) {
	hold := pace{size: size{budget: 100, recent: 10}}
	require.False(t, hold.due(Event{Kind: Pressure, Len: 300, Prompt: true}), "a prompt under way")
	require.True(t, hold.due(Event{Kind: EndOfPrompt, Len: 400}))
	hold.after(400, 100)
	for n := 401; n < 432; n++ {
		require.False(t, hold.due(Event{Kind: Pressure, Len: n, Incoming: 1}), "%d tokens", n)
	}
	require.True(t, hold.due(Event{Kind: Pressure, Len: 432, Incoming: 1}), "another token would be beyond budget and slack")
	require.True(t, hold.due(Event{Kind: PoolLow, Len: 432}))

	grow := pace{size: size{ratio: 0.25, sinks: 4, grow: true}}
	require.True(t, grow.due(Event{Kind: EndOfPrompt, Len: 400}))
	require.Equal(t, 100, grow.want(400))
	grow.after(400, 100)
	require.False(t, grow.due(Event{Kind: Pressure, Len: 401}))
	require.False(t, grow.due(Event{Kind: Pressure, Len: 4000}))

	stream := pace{size: size{budget: 100, stream: true}}
	require.False(t, stream.due(Event{Kind: Pressure, Len: 64, Incoming: 64, Prompt: true}))
	require.True(t, stream.due(Event{Kind: Pressure, Len: 128, Incoming: 64, Prompt: true}))
}

func TestPolicyParameters(t *testing.T) {
	for _, tc := range []struct{ p, key, value, err string }{
		{"sinks", "budgets", "3", `unknown parameter "budgets": use budget, grow,`},
		{"sinks", "budget", "many", "budget=many: must be a whole number"},
		{"sinks", "ratio", "3/2", "ratio=3/2: must be 0 to 1"},
		{"sinks", "budget", "5", "need at least 12"},
		{"sinks", "recent", "-1", "must be 0 to"},
		{"snapkv", "pool", "median", "one of avg, max"},
		{"snapkv", "kernel", "4", "must be odd"},
		{"lacache", "span", "90", "at most 30"},
		{"auto", "floor", "-1", "must be 0 to 1"},
		{"auto", "cheap", "perhaps", "must be true or false"},
	} {
		t.Run(tc.p+" "+tc.key, func(t *testing.T) {
			_, err := Policies[tc.p].New(Params{tc.key: tc.value}, smolConfig())
			require.ErrorContains(t, err, tc.err)
		})
	}
	c := smolConfig()
	c.K = Q4_0
	_, err := Policies["chelsea"].New(nil, c)
	require.ErrorContains(t, err, "q4_0")
	s, err := Policies["auto"].New(Params{"cheap": "1", "queries": "300"}, smolConfig())
	require.NoError(t, err)
	require.Equal(t, 300, s.Needs().EveryQuery, "a named parameter wins over the variant's")
}

// smolConfig is a cache of 30 layers of 3 heads.
func smolConfig() *Config {
	c := &Config{Ctx: 8192}
	for range 30 {
		c.Layers = append(c.Layers, LayerSpec{KVHeads: 3, KDim: 64, VDim: 64})
	}
	return c
}
