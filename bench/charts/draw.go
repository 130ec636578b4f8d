package main

import (
	"cmp"
	"errors"
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// colours can be told apart with any kind of colour vision (Okabe and Ito, Color
// universal design, 2008); shapes tell them apart in grey.
var colours = []color.Color{
	color.RGBA{0, 114, 178, 255}, color.RGBA{213, 94, 0, 255}, color.RGBA{0, 158, 115, 255},
	color.RGBA{204, 121, 167, 255}, color.RGBA{230, 159, 0, 255}, color.RGBA{86, 180, 233, 255},
}

var shapes = []draw.GlyphDrawer{
	draw.CircleGlyph{}, draw.SquareGlyph{}, draw.TriangleGlyph{}, draw.PyramidGlyph{}, draw.CrossGlyph{}, draw.PlusGlyph{},
}

// glyph is the mark of the i-th series.
func glyph(i int) draw.GlyphStyle {
	return draw.GlyphStyle{Color: colours[i%len(colours)], Radius: vg.Points(3.5), Shape: shapes[i%len(shapes)]}
}

// intervals are points with an interval in x.
type intervals struct {
	plotter.XYs
	plotter.XErrors
}

// ratioChart has one line a row of the comparison and one series a thread count:
// the median ratio with its interval, on a logarithmic axis. Right of 1 is faster.
func ratioChart(h peerHead, rows []peerRow, title string) (*chart, error) {
	p := plot.New()
	p.Title.Text = cmp.Or(title, "Speed in relation to llama.cpp (paired runs, median and 95 % interval)")
	p.X.Label.Text = fmt.Sprintf("times as fast; %s, %s", h.CPU, h.Date)
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, ratioTicks{}
	var names []string
	var threads []int
	for _, r := range rows {
		if !(r.Ratio > 0 && r.Lo > 0 && r.Hi >= r.Lo) {
			return nil, fmt.Errorf("%s %s: ratio %v from %v to %v", r.Model, r.Row, r.Ratio, r.Lo, r.Hi)
		}
		if name := r.Model + " " + r.Row; !slices.Contains(names, name) {
			names = append(names, name)
		}
		if !slices.Contains(threads, r.Threads) {
			threads = append(threads, r.Threads)
		}
	}
	slices.Reverse(names) // the first one on top
	slices.Sort(threads)
	lo, hi := 1.0, 1.0
	for i, t := range threads {
		var s intervals
		for _, r := range rows {
			if r.Threads != t {
				continue
			}
			y := float64(slices.Index(names, r.Model+" "+r.Row)) - 0.12*(float64(i)-float64(len(threads)-1)/2)
			s.XYs = append(s.XYs, plotter.XY{X: r.Ratio, Y: y})
			s.XErrors = append(s.XErrors, struct{ Low, High float64 }{r.Ratio - r.Lo, r.Hi - r.Ratio})
			lo, hi = min(lo, r.Lo), max(hi, r.Hi)
		}
		bars, err := plotter.NewXErrorBars(s)
		if err != nil {
			return nil, err
		}
		bars.Color = colours[i%len(colours)]
		points, err := plotter.NewScatter(s.XYs)
		if err != nil {
			return nil, err
		}
		points.GlyphStyle = glyph(i)
		p.Add(bars, points)
		p.Legend.Add(fmt.Sprintf("threads: %d", t), points)
	}
	parity, err := plotter.NewLine(plotter.XYs{{X: 1, Y: -0.5}, {X: 1, Y: float64(len(names)) - 0.5}})
	if err != nil {
		return nil, err
	}
	parity.Dashes = []vg.Length{vg.Points(4), vg.Points(3)}
	p.Add(parity, plotter.NewGrid())
	p.NominalY(names...)
	p.X.Min, p.X.Max = lo/1.15, hi*1.15
	p.Y.Min, p.Y.Max = -0.5, float64(len(names))-0.5+0.3*float64(len(threads)) // room for the legend
	p.Legend.Top = true
	return &chart{p, 22 * vg.Centimeter, vg.Length(4+0.8*float64(len(names))) * vg.Centimeter}, nil
}

// ratioTicks marks 1, 1.5, 2, 3, 5 and 7 of each power of ten, and names those that
// leave room.
type ratioTicks struct{}

// Ticks returns the marks between lo and hi.
func (ratioTicks) Ticks(lo, hi float64) (ticks []plot.Tick) {
	for e := math.Floor(math.Log10(lo)); e <= math.Ceil(math.Log10(hi)); e++ {
		for _, m := range []float64{1, 1.5, 2, 3, 5, 7} {
			if v := m * math.Pow(10, e); v >= lo && v <= hi {
				ticks = append(ticks, plot.Tick{Value: v, Label: fmt.Sprintf("%.3g", v)})
			}
		}
	}
	return ticks
}

// series is one line of the speed chart.
type series struct {
	name   string
	points plotter.XYs
}

// speedChart shows tokens per second by depth, one line a model, test, thread count
// and cache type.
func speedChart(speeds []speed, title string) (*chart, error) {
	p := plot.New()
	p.Title.Text = cmp.Or(title, "Speed by depth")
	p.X.Label.Text = fmt.Sprintf("tokens in the cache; %s, %s", speeds[0].CPU, speeds[0].Date)
	p.Y.Label.Text = "tokens per second"
	var all []*series
	for _, s := range speeds {
		if s.AvgTS <= 0 {
			return nil, errors.New("a result without speed")
		}
		name := s.name()
		i := slices.IndexFunc(all, func(x *series) bool { return x.name == name })
		if i < 0 {
			i = len(all)
			all = append(all, &series{name: name})
		}
		all[i].points = append(all[i].points, plotter.XY{X: float64(s.Depth), Y: s.AvgTS})
	}
	for i, s := range all {
		slices.SortFunc(s.points, func(a, b plotter.XY) int { return cmp.Compare(a.X, b.X) })
		line, points, err := plotter.NewLinePoints(s.points)
		if err != nil {
			return nil, err
		}
		line.Color, points.GlyphStyle = colours[i%len(colours)], glyph(i)
		p.Add(line, points)
		p.Legend.Add(s.name, line, points)
	}
	p.Add(plotter.NewGrid())
	p.Y.Min, p.Y.Max = 0, p.Y.Max*(1+0.05*float64(len(all))) // room for the legend
	p.Legend.Top = true
	return &chart{p, 22 * vg.Centimeter, 13 * vg.Centimeter}, nil
}

// name says which line a result belongs to.
func (s *speed) name() string {
	test := fmt.Sprintf("tg%d", s.Gen)
	switch {
	case s.Gen == 0:
		test = fmt.Sprintf("pp%d", s.Prompt)
	case s.Prompt > 0:
		test = fmt.Sprintf("pp%d+tg%d", s.Prompt, s.Gen)
	}
	return fmt.Sprintf("%s %s, %d threads, %s", s.Type, test, s.Threads, s.TypeK)
}
