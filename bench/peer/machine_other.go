//go:build !linux

package main

import "os"

// readTicks: other systems do not tell without privileges or cgo.
func readTicks() ticks { return ticks{} }

// peakRSS is unknown here.
func peakRSS(*os.ProcessState) int64 { return 0 }

// kernelVersion is unknown here.
func kernelVersion() string { return "" }

// memoryBytes is unknown here.
func memoryBytes() int64 { return 0 }
