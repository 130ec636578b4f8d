package server

import (
	"io"
	"log/slog"
)

// testLogger logs to w.
func testLogger(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }
