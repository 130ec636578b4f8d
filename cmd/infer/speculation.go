package main

import (
	"context"
	"fmt"
	"strings"

	"kvasir"
)

// checkSpeculation reports settings that no model could be used with.
func checkSpeculation(o kvasir.SpeculationOptions) error {
	if o.Draft == "" {
		if o.Verify != "" || o.Most != 0 || o.Always {
			return fmt.Errorf("--verify, --draft-max and --draft-always go with --draft")
		}
		return nil
	}
	return o.Validate()
}

// speculation prepares what --draft asks for, nil when nothing. A draft model is
// named like any model.
func (a *app) speculation(ctx context.Context, eng *kvasir.Engine, o kvasir.SpeculationOptions) (*kvasir.Speculation, error) {
	if o.Draft == "" {
		return nil, nil
	}
	if ref := o.Model(); ref != "" {
		path, err := a.resolve(ctx, ref)
		if err != nil {
			return nil, fmt.Errorf("draft: %w", err)
		}
		o.Draft = path
	}
	return eng.NewSpeculation(o)
}

func closeSpeculation(p *kvasir.Speculation) {
	if p != nil {
		_ = p.Close() // the process ends
	}
}

// speculationStats are the statistics of drafts. Tags are the JSON names.
type speculationStats struct {
	Draft         string    `json:"draft"`
	Verify        string    `json:"verify"`
	Drafted       int       `json:"drafted"`
	Accepted      int       `json:"accepted"`
	Passes        int       `json:"passes"`
	Rounds        int       `json:"passes_with_draft"`
	Declined      int       `json:"passes_declined"`
	TokensPerPass float64   `json:"tokens_per_pass"`
	DraftCost     float64   `json:"draft_cost"`
	PassCost      []float64 `json:"pass_cost,omitempty"`
}

// speculated adds what p did.
func (s *runStats) speculated(o kvasir.SpeculationOptions, p *kvasir.Speculation) {
	if p == nil {
		return
	}
	st := p.Stats()
	s.Speculation = &speculationStats{
		Draft: o.Draft, Verify: o.Verify, Drafted: st.Drafted, Accepted: st.Accepted,
		Passes: st.Passes, Rounds: st.Rounds, Declined: st.Declined, DraftCost: st.DraftCost, PassCost: st.PassCost,
	}
	if o.Verify == "" {
		s.Speculation.Verify = "match"
	}
	if st.Passes > 0 {
		s.Speculation.TokensPerPass = float64(st.Tokens) / float64(st.Passes)
	}
}

func (s *speculationStats) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "draft    %6d tokens  %8.2f tokens/pass  %d accepted, %d of %d passes with a draft (%s, %s)\n",
		s.Drafted, s.TokensPerPass, s.Accepted, s.Rounds, s.Passes, s.Draft, s.Verify)
	if s.DraftCost > 0 {
		fmt.Fprintf(&b, "         a pass of the draft costs %.2f of one of the model\n", s.DraftCost)
	}
	switch {
	case s.Declined > 0 && s.Rounds == 0:
		fmt.Fprintf(&b, "         switched off: drafts would not have paid\n")
	case s.Declined > 0:
		fmt.Fprintf(&b, "         switched off for %d passes, where a draft would not have paid\n", s.Declined)
	}
	return b.String()
}
