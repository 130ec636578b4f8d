package hub

import (
	"context"
	"errors"
	"io"
)

// AppendWheel is appendWheel for tests.
func AppendWheel(ctx context.Context, w io.Writer, path string) error {
	return appendWheel(ctx, w, path)
}

// Limited fails when more than Left bytes are written to it.
type Limited struct {
	W    io.Writer
	Left int
}

func (l *Limited) Write(b []byte) (int, error) {
	if l.Left -= len(b); l.Left < 0 {
		return 0, errors.New("too much")
	}
	return l.W.Write(b)
}
