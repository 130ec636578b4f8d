package kernels

import (
	"encoding/binary"
	"fmt"
)

// What programs that measure kernels need: the levels of this machine one after the
// other, and the roofs to compare with. Nothing here is for use beside running kernels.

// Levels returns the levels that this build can run on this machine, the best one
// last. Generic is always the first.
func Levels() []Level {
	var out []Level
	for l := range levelNames {
		if provides(hostLevel(), Level(l)) {
			out = append(out, Level(l))
		}
	}
	return out
}

// AtLevel runs f with the kernels of level l and returns to the present level. No
// other goroutine may use a kernel meanwhile, those that f starts and waits for
// excepted. The error wraps [ErrLevel] when the machine lacks the level.
func AtLevel(l Level, f func()) error {
	if !provides(hostLevel(), l) {
		return fmt.Errorf("%s: %w: this machine has %s", l, ErrLevel, hostLevel())
	}
	defer func(old Level) { level = old }(level)
	level = l
	f()
	return nil
}

// PeakDot measures the most operations per second (2 per multiply-add) that one
// thread gets out of the integer product that quantized kernels use at the present
// level; 0 where that is plain Go. On AVX2 it is VPMADDUBSW with an int16 addition.
func PeakDot() float64 { return dotPeak() }

// PeakFMA is [PeakDot] for the fused multiply-add of float32.
func PeakFMA() float64 { return fmaPeak() }

// Stream reads buf once, as fast as the present level can, and does nothing else.
func Stream(buf []byte) {
	if len(buf) == 0 {
		return
	}
	whole := len(buf) &^ (chunkBytes - 1)
	if whole > 0 && streams(buf[:whole]) {
		return
	}
	streamSink(readWords(buf))
}

// readWords combines the whole words of buf, so that they must be read.
func readWords(buf []byte) uint64 {
	var a, b, c, d uint64
	for ; len(buf) >= 32; buf = buf[32:] {
		a |= binary.LittleEndian.Uint64(buf)
		b |= binary.LittleEndian.Uint64(buf[8:])
		c |= binary.LittleEndian.Uint64(buf[16:])
		d |= binary.LittleEndian.Uint64(buf[24:])
	}
	return a | b | c | d
}

// streamSink keeps the compiler from dropping what was read.
//
//go:noinline
func streamSink(uint64) {}
