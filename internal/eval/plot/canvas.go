// Package plot draws results as SVG: curves and heat maps. Equal input gives equal
// bytes. Colours can be told apart with any kind of colour vision, and shapes and
// numbers tell things apart in grey.
package plot

import (
	"fmt"
	"html"
	"io"
	"math"
	"strconv"
	"strings"
)

// colours are Okabe and Ito's (Color universal design, 2008).
var colours = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"}

// canvas collects the elements of a picture.
type canvas struct {
	b             strings.Builder
	width, height float64
}

func (c *canvas) add(format string, args ...any) { fmt.Fprintf(&c.b, format+"\n", args...) }

// num prints a coordinate.
func num(v float64) string { return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64) }

func (c *canvas) line(x1, y1, x2, y2 float64, style string) {
	c.add(`<line x1="%s" y1="%s" x2="%s" y2="%s" %s/>`, num(x1), num(y1), num(x2), num(y2), style)
}

// text writes at a point; anchor is start, middle or end.
func (c *canvas) text(x, y, size float64, anchor, s string) {
	c.add(`<text x="%s" y="%s" font-size="%s" text-anchor="%s">%s</text>`, num(x), num(y), num(size), anchor, html.EscapeString(s))
}

// upright writes from bottom to top, centred.
func (c *canvas) upright(x, y, size float64, s string) {
	c.add(`<text transform="translate(%s %s) rotate(-90)" font-size="%s" text-anchor="middle">%s</text>`,
		num(x), num(y), num(size), html.EscapeString(s))
}

// mark draws the i-th shape.
func (c *canvas) mark(x, y float64, i int) {
	col, r := colours[i%len(colours)], 4.0
	switch i % 5 {
	case 0:
		c.add(`<circle cx="%s" cy="%s" r="%s" fill="%s"/>`, num(x), num(y), num(r), col)
	case 1:
		c.add(`<rect x="%s" y="%s" width="%s" height="%s" fill="%s"/>`, num(x-r), num(y-r), num(2*r), num(2*r), col)
	case 2:
		c.add(`<path d="M%s %sL%s %sL%s %sZ" fill="%s"/>`, num(x), num(y-r), num(x+r), num(y+r), num(x-r), num(y+r), col)
	case 3:
		c.add(`<path d="M%s %sL%s %sL%s %sL%s %sZ" fill="%s"/>`, num(x), num(y-r-1), num(x+r+1), num(y), num(x), num(y+r+1), num(x-r-1), num(y), col)
	case 4:
		c.line(x-r, y-r, x+r, y+r, `stroke-width="2" stroke="`+col+`"`)
		c.line(x-r, y+r, x+r, y-r, `stroke-width="2" stroke="`+col+`"`)
	}
}

// writeTo writes the picture.
func (c *canvas) writeTo(w io.Writer) error {
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="%s" height="%s" viewBox="0 0 %s %s" font-family="sans-serif" fill="#222">
<rect width="100%%" height="100%%" fill="#fff"/>
%s</svg>
`, num(c.width), num(c.height), num(c.width), num(c.height), c.b.String())
	return err
}
