package kvasir_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir"
)

// constrained generates under a constraint with random sampling.
func constrained(t *testing.T, eng *kvasir.Engine, c kvasir.Constraint, o kvasir.GenerateOptions) generated {
	t.Helper()
	o.Constraint = c
	o.Sampling = kvasir.DefaultSampling()
	o.Sampling.Temperature, o.Sampling.TopK, o.Sampling.MinP = 2, 0, 0
	o.Sampling.Seed = kvasir.FixedSeed(3)
	return generate(t, newSession(t, eng), kvasir.Text("a b"), o)
}

func TestConstraintsHold(t *testing.T) {
	eng := openTiny(t, textSpec, kvasir.Options{})
	for name, tc := range map[string]struct {
		c    kvasir.Constraint
		want string
	}{
		"choices": {kvasir.Constraint{Choices: []string{"yes", "no"}}, "^(yes|no)$"},
		"regex":   {kvasir.Constraint{Regex: `[a-c]{3}-\d{2}`}, `^[a-c]{3}-\d{2}$`},
		"grammar": {kvasir.Constraint{Grammar: "root ::= \"(\" [xy]{1,4} \")\""}, `^\([xy]{1,4}\)$`},
	} {
		t.Run(name, func(t *testing.T) {
			g := constrained(t, eng, tc.c, kvasir.GenerateOptions{})
			require.Regexp(t, tc.want, g.text)
			require.Equal(t, kvasir.FinishStop, g.finish)
			require.False(t, g.tokens[len(g.tokens)-1].Incomplete)
		})
	}
	schema := kvasir.Constraint{JSONSchema: `{"properties":{"name":{"type":"string","maxLength":5},"ok":{"type":"boolean"}},"required":["name","ok"]}`, Compact: true}
	g := constrained(t, eng, schema, kvasir.GenerateOptions{})
	var v struct {
		Name string
		OK   *bool
	}
	require.NoError(t, json.Unmarshal([]byte(g.text), &v), g.text)
	require.NotNil(t, v.OK)
	cut := constrained(t, eng, schema, kvasir.GenerateOptions{MaxTokens: 4})
	require.Equal(t, kvasir.FinishLength, cut.finish)
	require.True(t, cut.tokens[3].Incomplete)
}

// Skipping passes changes nothing: tokens are the same when each is computed, in a job,
// and when drafts are verified.
func TestForcedTokensChangeNothing(t *testing.T) {
	eng := openTiny(t, textSpec, kvasir.Options{})
	c := kvasir.Constraint{JSONSchema: `{"properties":{"first name":{"enum":["abc","abd","x"]},"list":{"type":"array","items":{"type":"integer"},"maxItems":4}},"required":["first name","list"]}`, Compact: true}
	skipped := constrained(t, eng, c, kvasir.GenerateOptions{})
	forced := 0
	for _, tok := range skipped.tokens {
		if tok.Forced {
			forced++
		}
	}
	require.Positive(t, forced)
	computed := constrained(t, eng, c, kvasir.GenerateOptions{Logits: func(int, []float32) {}})
	require.Equal(t, skipped.ids, computed.ids)

	r := kvasir.Request{Prompt: kvasir.Text("a b")}
	r.Constraint, r.Sampling = c, kvasir.DefaultSampling()
	r.Sampling.Temperature, r.Sampling.TopK, r.Sampling.MinP = 2, 0, 0
	r.Sampling.Seed = kvasir.FixedSeed(3)
	j, err := eng.Submit(context.Background(), r)
	require.NoError(t, err)
	var ids []int32
	for o, err := range j.Outputs(context.Background()) {
		require.NoError(t, err)
		ids = append(ids, o.Token.ID)
	}
	require.Equal(t, skipped.ids, ids)

	p, err := eng.NewSpeculation(kvasir.SpeculationOptions{Draft: "lookup", Always: true})
	require.NoError(t, err)
	drafted := constrained(t, eng, c, kvasir.GenerateOptions{Speculation: p})
	require.Equal(t, skipped.ids, drafted.ids)
}

func TestConstraintErrors(t *testing.T) {
	eng := openTiny(t, textSpec, kvasir.Options{})
	try := func(c kvasir.Constraint, o kvasir.GenerateOptions) error {
		o.Constraint = c
		_, err := tryGenerate(context.Background(), newSession(t, eng), kvasir.Text("a"), o)
		return err
	}
	for _, tc := range []struct {
		c    kvasir.Constraint
		want error
		says string
	}{
		{kvasir.Constraint{Regex: "("}, kvasir.ErrConstraintSyntax, "regex"},
		{kvasir.Constraint{JSONSchema: `{"not":{}}`}, kvasir.ErrConstraintUnsupported, `"not" at #`},
		{kvasir.Constraint{Grammar: `root ::= "a" root`}, kvasir.ErrConstraintImpossible, "root"},
		{kvasir.Constraint{Grammar: `root ::= <nope>`}, kvasir.ErrConstraintSyntax, "vocabulary"},
	} {
		err := try(tc.c, kvasir.GenerateOptions{})
		require.ErrorIs(t, err, tc.want)
		require.ErrorContains(t, err, tc.says)
	}
	require.ErrorContains(t, try(kvasir.Constraint{Regex: "a", Choices: []string{"b"}}, kvasir.GenerateOptions{}), "one of")
	o := kvasir.GenerateOptions{}
	o.Sampling.IgnoreEOS = true
	require.ErrorIs(t, try(kvasir.Constraint{Regex: "a"}, o), kvasir.ErrNoCandidates)
}
