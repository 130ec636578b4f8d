package plot

import (
	"errors"
	"io"
	"math"
	"strconv"
)

// Point is a measurement. Lo and Hi are its interval, equal when there is none.
type Point struct {
	X, Y, Lo, Hi float64
	Label        string
}

// Series is a line of points, in order of X.
type Series struct {
	Name   string
	Points []Point
}

// Curves is a chart of lines. LogX and LogY make an axis logarithmic: values that
// are not positive are left out there.
type Curves struct {
	Title, XLabel, YLabel string
	LogX, LogY            bool
	Series                []Series
}

// Plot area.
const (
	left, right, top, bottom = 78.0, 200.0, 46.0, 56.0
	curvesWide, curvesHigh   = 860.0, 460.0
)

// ErrEmpty says that there is nothing to draw.
var ErrEmpty = errors.New("nothing to draw")

// axis maps values to pixels.
type axis struct {
	lo, hi, from, to float64
	log              bool
}

func (a *axis) at(v float64) float64 {
	lo, hi := a.lo, a.hi
	if a.log {
		lo, hi, v = math.Log(lo), math.Log(hi), math.Log(v)
	}
	if hi == lo {
		return (a.from + a.to) / 2
	}
	return a.from + (v-lo)/(hi-lo)*(a.to-a.from)
}

// cover widens the axis to hold v.
func (a *axis) cover(v float64) {
	if math.IsNaN(v) || math.IsInf(v, 0) || a.log && v <= 0 {
		return
	}
	if a.lo > a.hi {
		a.lo, a.hi = v, v
	}
	a.lo, a.hi = min(a.lo, v), max(a.hi, v)
}

// pad leaves some room at both ends.
func (a *axis) pad() {
	switch {
	case a.log:
		f := max(math.Pow(a.hi/a.lo, 0.06), 1.05)
		a.lo, a.hi = a.lo/f, a.hi*f
	case a.lo >= 0:
		a.lo, a.hi = 0, a.hi*1.06
	default:
		d := (a.hi - a.lo) * 0.06
		a.lo, a.hi = a.lo-d, a.hi+d
	}
	if a.hi == a.lo {
		a.hi++
	}
}

// ticks are round values within the axis.
func (a *axis) ticks() (t []float64) {
	if a.log {
		steps := []float64{1, 2, 5}
		if a.hi/a.lo > 200 {
			steps = steps[:1]
		}
		for e := math.Floor(math.Log10(a.lo)); e <= math.Ceil(math.Log10(a.hi)); e++ {
			for _, m := range steps {
				if v := m * math.Pow(10, e); v >= a.lo && v <= a.hi {
					t = append(t, v)
				}
			}
		}
		return t
	}
	unit := math.Pow(10, math.Floor(math.Log10((a.hi-a.lo)/4)))
	step := unit
	for _, m := range []float64{2, 5, 10} {
		if (a.hi-a.lo)/step > 8 {
			step = m * unit
		}
	}
	for i := math.Ceil(a.lo / step); i*step <= a.hi; i++ {
		t = append(t, i*step)
	}
	return t
}

func (c *Curves) axes() (x, y axis, err error) {
	x = axis{lo: 1, hi: 0, from: left, to: curvesWide - right, log: c.LogX}
	y = axis{lo: 1, hi: 0, from: curvesHigh - bottom, to: top, log: c.LogY}
	for _, s := range c.Series {
		for _, p := range s.Points {
			x.cover(p.X)
			y.cover(p.Y)
			y.cover(p.Lo)
			y.cover(p.Hi)
		}
	}
	if x.lo > x.hi || y.lo > y.hi {
		return x, y, ErrEmpty
	}
	x.pad()
	y.pad()
	return x, y, nil
}

// WriteSVG draws the chart.
func (c *Curves) WriteSVG(w io.Writer) error {
	x, y, err := c.axes()
	if err != nil {
		return err
	}
	cv := &canvas{width: curvesWide, height: curvesHigh}
	cv.text(left, 24, 13, "start", c.Title)
	for _, v := range x.ticks() {
		cv.line(x.at(v), y.from, x.at(v), y.to, `stroke="#ddd"`)
		cv.text(x.at(v), y.from+18, 11, "middle", tick(v))
	}
	for _, v := range y.ticks() {
		cv.line(x.from, y.at(v), x.to, y.at(v), `stroke="#ddd"`)
		cv.text(x.from-8, y.at(v)+4, 11, "end", tick(v))
	}
	cv.line(x.from, y.from, x.to, y.from, `stroke="#222"`)
	cv.line(x.from, y.from, x.from, y.to, `stroke="#222"`)
	cv.text((x.from+x.to)/2, curvesHigh-12, 12, "middle", c.XLabel)
	cv.upright(18, (y.from+y.to)/2, 12, c.YLabel)
	for i, s := range c.Series {
		drawSeries(cv, &x, &y, i, &s)
		ly := top + 10 + 20*float64(i)
		cv.mark(curvesWide-right+18, ly-4, i)
		cv.text(curvesWide-right+30, ly, 11, "start", s.Name)
	}
	return cv.writeTo(w)
}

func tick(v float64) string { return strconv.FormatFloat(v, 'g', 3, 64) }

// drawSeries draws a line with its marks, intervals and labels.
func drawSeries(cv *canvas, x, y *axis, i int, s *Series) {
	col := colours[i%len(colours)]
	path := ""
	for _, p := range s.Points {
		if x.log && p.X <= 0 || y.log && p.Y <= 0 {
			continue
		}
		op := "L"
		if path == "" {
			op = "M"
		}
		px, py := x.at(p.X), y.at(p.Y)
		path += op + num(px) + " " + num(py)
		if p.Lo < p.Hi && (!y.log || p.Lo > 0) {
			cv.line(px, y.at(p.Lo), px, y.at(p.Hi), `stroke="`+col+`"`)
		}
		cv.mark(px, py, i)
		if p.Label != "" {
			cv.text(px+6, py-6, 10, "start", p.Label)
		}
	}
	if path != "" {
		cv.add(`<path d="%s" fill="none" stroke="%s" stroke-width="1.5"/>`, path, col)
	}
}
