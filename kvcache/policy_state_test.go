package kvcache

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// worn is a state of each policy after some use.
func worn() map[string]State {
	p := pace{size: size{budget: 100}, target: 100, at: 5000, held: 100, dropped: true}
	return map[string]State{
		"sinks":   &sinksState{p},
		"snapkv":  &snapkvState{pace: p, end: 4321},
		"chelsea": &chelseaState{pace: p},
		"lacache": &lacacheState{pace: p, cursor: 77},
		"auto": &autoState{pace: p, votes: [][]float32{{0.5, 0.25}, {}, {1}}, asked: []int{256, 0, 7},
			memory: 256},
	}
}

// What a state has learnt survives saving; a copy is independent.
func TestPolicyStates(t *testing.T) {
	for name, s := range worn() {
		t.Run(name, func(t *testing.T) {
			b, err := s.MarshalBinary()
			require.NoError(t, err)
			fresh, err := Policies[name].New(nil, smolConfig())
			require.NoError(t, err)
			require.True(t, fresh.Exact())
			require.NoError(t, fresh.UnmarshalBinary(b))
			require.False(t, fresh.Exact())
			again, err := fresh.MarshalBinary()
			require.NoError(t, err)
			require.Equal(t, b, again)
			for cut := range b {
				require.Error(t, fresh.Clone().UnmarshalBinary(b[:cut]), "%d of %d bytes", cut, len(b))
			}
			require.ErrorIs(t, fresh.Clone().UnmarshalBinary(append(b, 0)), errState)
			c := s.Clone()
			if a, ok := c.(*autoState); ok {
				a.votes[0][0], a.asked[0] = 9, 9
			}
			same, err := s.MarshalBinary()
			require.NoError(t, err)
			require.Equal(t, b, same, "a change of the copy")
		})
	}
}

// Damaged states are errors, never panics, and take no memory beyond their size.
func FuzzPolicyState(f *testing.F) {
	for _, s := range worn() {
		b, err := s.MarshalBinary()
		require.NoError(f, err)
		f.Add(b)
	}
	f.Add([]byte{stateVersion, 1, 2, 3, 4, 1, 0xff, 0xff, 0xff, 0xff, 0x07})
	f.Fuzz(func(t *testing.T, b []byte) {
		for name, s := range worn() {
			if s.UnmarshalBinary(b) != nil {
				continue
			}
			again, err := s.MarshalBinary()
			require.NoError(t, err)
			other := worn()[name]
			require.NoError(t, other.UnmarshalBinary(again))
			last, err := other.MarshalBinary()
			require.NoError(t, err)
			require.Equal(t, again, last)
		}
	})
}
