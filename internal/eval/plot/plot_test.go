package plot

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// parse checks that a picture is XML and counts its elements.
func parse(t *testing.T, s string) map[string]int {
	t.Helper()
	count := map[string]int{}
	d := xml.NewDecoder(strings.NewReader(s))
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return count
		}
		require.NoError(t, err)
		if e, ok := tok.(xml.StartElement); ok {
			count[e.Name.Local]++
			for _, a := range e.Attr {
				require.NotContains(t, a.Value, "NaN")
				require.NotContains(t, a.Value, "Inf")
			}
		}
	}
}

func TestCurves(t *testing.T) {
	c := &Curves{Title: "a < b", XLabel: "x", YLabel: "y", LogX: true, LogY: true, Series: []Series{
		{Name: "one", Points: []Point{{X: 0.125, Y: 0.08, Lo: 0.07, Hi: 0.1, Label: "64"}, {X: 0.25, Y: 0.02}}},
		{Name: "nothing to see on a log axis", Points: []Point{{X: 1, Y: 0}}},
	}}
	var a, b strings.Builder
	require.NoError(t, c.WriteSVG(&a))
	require.NoError(t, c.WriteSVG(&b))
	require.Equal(t, a.String(), b.String())
	n := parse(t, a.String())
	require.Equal(t, 3, n["circle"], "two points and the legend")
	require.Contains(t, a.String(), "a &lt; b")
	require.ErrorIs(t, (&Curves{}).WriteSVG(io.Discard), ErrEmpty)
	require.ErrorIs(t, (&Curves{Series: []Series{{Points: []Point{{X: math.NaN(), Y: 1}}}}}).WriteSVG(io.Discard), ErrEmpty)
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		a    axis
		want []float64
	}{
		{axis{lo: 0, hi: 10}, []float64{0, 2, 4, 6, 8, 10}},
		{axis{lo: 0, hi: 4}, []float64{0, 1, 2, 3, 4}},
		{axis{lo: 0.1, hi: 1, log: true}, []float64{0.1, 0.2, 0.5, 1}},
	} {
		require.InDeltaSlice(t, c.want, c.a.ticks(), 1e-12)
	}
}

func TestHeatMaps(t *testing.T) {
	h := &HeatMaps{Title: "t", RowLabel: "r", ColLabel: "c", Maps: []Heat{{
		Name: "m", Rows: []string{"0", "50"}, Cols: []string{"1k", "2k"},
		Values: [][]float64{{0, 1}, {0.5, math.NaN()}}, Notes: [][]string{{"0/4", "4/4"}, {"2/4", ""}},
	}}}
	var s strings.Builder
	require.NoError(t, h.WriteSVG(&s))
	require.Equal(t, 5, parse(t, s.String())["rect"], "the ground and four cells")
	require.Contains(t, s.String(), "2/4")
	require.ErrorIs(t, (&HeatMaps{}).WriteSVG(io.Discard), ErrEmpty)
	dark, ink := shade(0)
	require.Equal(t, "#00204d", dark)
	require.Equal(t, "#fff", ink)
}
