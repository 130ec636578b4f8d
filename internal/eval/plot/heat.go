package plot

import (
	"fmt"
	"io"
	"math"
)

// Heat is a table of shares from 0 to 1; NaN where there is none. Values is
// [row][column], Notes stands in the cells.
type Heat struct {
	Name       string
	Rows, Cols []string
	Values     [][]float64
	Notes      [][]string
}

// HeatMaps are tables side by side with one scale.
type HeatMaps struct {
	Title, RowLabel, ColLabel string
	Maps                      []Heat
}

const (
	cellWide, cellHigh = 62.0, 26.0
	mapGap             = 44.0
	mapsPerLine        = 4
)

// scale goes from dark to light, so that grey prints keep the order; the stops are
// of cividis (Nuñez, Anderton and Renslow, 2018).
var scale = [][3]float64{{0, 32, 77}, {65, 77, 107}, {124, 123, 120}, {188, 175, 111}, {255, 234, 70}}

// shade is the colour of a share and that of text upon it.
func shade(v float64) (fill, text string) {
	v = min(max(v, 0), 1) * float64(len(scale)-1)
	i := min(int(v), len(scale)-2)
	f := v - float64(i)
	var c [3]int
	for k := range c {
		c[k] = int(math.Round(scale[i][k] + f*(scale[i+1][k]-scale[i][k])))
	}
	text = "#fff"
	if v > 2 {
		text = "#000"
	}
	return fmt.Sprintf("#%02x%02x%02x", c[0], c[1], c[2]), text
}

// WriteSVG draws the maps.
func (h *HeatMaps) WriteSVG(w io.Writer) error {
	if len(h.Maps) == 0 || len(h.Maps[0].Rows) == 0 || len(h.Maps[0].Cols) == 0 {
		return ErrEmpty
	}
	wide, high := 0.0, 0.0
	for _, m := range h.Maps {
		wide = max(wide, max(float64(len(m.Cols))*cellWide, 130)+mapGap+30)
		high = max(high, float64(len(m.Rows))*cellHigh+70)
	}
	lines := (len(h.Maps) + mapsPerLine - 1) / mapsPerLine
	cv := &canvas{
		width:  max(40+wide*float64(min(len(h.Maps), mapsPerLine)), 640),
		height: 60 + high*float64(lines),
	}
	cv.text(20, 24, 13, "start", h.Title)
	for i := range h.Maps {
		x, y := 40+wide*float64(i%mapsPerLine), 66+high*float64(i/mapsPerLine)
		h.draw(cv, &h.Maps[i], x, y)
	}
	return cv.writeTo(w)
}

func (h *HeatMaps) draw(cv *canvas, m *Heat, x, y float64) {
	x += 30
	cv.text(x, y-8, 12, "start", m.Name)
	cv.upright(x-38, y+float64(len(m.Rows))*cellHigh/2, 11, h.RowLabel)
	for r, name := range m.Rows {
		top := y + float64(r)*cellHigh
		cv.text(x-6, top+17, 11, "end", name)
		for c := range m.Cols {
			at := x + float64(c)*cellWide
			fill, ink := "#fff", "#000"
			if v := m.Values[r][c]; !math.IsNaN(v) {
				fill, ink = shade(v)
			}
			cv.add(`<rect x="%s" y="%s" width="%s" height="%s" fill="%s" stroke="#fff"/>`, num(at), num(top), num(cellWide), num(cellHigh), fill)
			if m.Notes != nil {
				cv.add(`<text x="%s" y="%s" font-size="11" text-anchor="middle" fill="%s">%s</text>`, num(at+cellWide/2), num(top+17), ink, m.Notes[r][c])
			}
		}
	}
	foot := y + float64(len(m.Rows))*cellHigh
	for c, name := range m.Cols {
		cv.text(x+(float64(c)+0.5)*cellWide, foot+15, 11, "middle", name)
	}
	cv.text(x+float64(len(m.Cols))*cellWide/2, foot+31, 11, "middle", h.ColLabel)
}
