package main

import (
	"context"
	"os"
	"runtime"
	"time"
)

// Limits beyond which a leg counts as disturbed.
const (
	maxForeign = 0.03 // share of the processors that others took, steal included
	maxSpread  = 0.10 // of the four calibrations of a unit
	quietShare = 0.05 // foreign share below which a unit may begin
)

// machineUse is what else happened while a leg ran.
type machineUse struct {
	// Foreign is the share of all processors that other programs and, by stolen
	// time, other machines took; -1 where the system does not tell.
	Foreign float64 `json:"foreign_share"`
	Steal   float64 `json:"steal_share"`
	// SpinNs is the time of a fixed loop right before the leg.
	SpinNs int64 `json:"spin_ns"`
}

// ticks are the processor times of the machine since it started, in seconds.
type ticks struct {
	busy, steal float64
	ok          bool
}

// machine watches the machine.
type machine struct {
	cpus int
	look time.Duration // how long it is watched before a unit
}

func newMachine() *machine { return &machine{cpus: runtime.NumCPU(), look: 500 * time.Millisecond} }

// mark is a moment.
type mark struct {
	at   time.Time
	cpu  ticks
	spin time.Duration
}

// begin calibrates and notes the time.
func (m *machine) begin() mark {
	spin := spinTime()
	return mark{at: time.Now(), cpu: readTicks(), spin: spin}
}

// end returns what happened since, apart from the work of the process itself.
func (m *machine) end(from mark, p *os.ProcessState) machineUse {
	own := 0.0
	if p != nil {
		own = (p.UserTime() + p.SystemTime()).Seconds()
	}
	return m.use(from, readTicks(), time.Since(from.at).Seconds(), own)
}

// use computes shares from what was counted between two moments.
func (m *machine) use(from mark, to ticks, wall, own float64) machineUse {
	u := machineUse{Foreign: -1, SpinNs: from.spin.Nanoseconds()}
	if !to.ok || !from.cpu.ok || wall <= 0 {
		return u
	}
	all := wall * float64(m.cpus)
	u.Steal = max(0, to.steal-from.cpu.steal) / all
	u.Foreign = max(0, to.busy-from.cpu.busy-own)/all + u.Steal
	return u
}

// spinRounds makes a calibration last some 50 ms.
const spinRounds = 60_000_000

// spinTime returns the time of a fixed loop of dependent integer operations.
func spinTime() time.Duration {
	start := time.Now()
	x := uint64(start.UnixNano()) | 1
	for range spinRounds {
		x ^= x >> 7
	}
	d := time.Since(start)
	if x == 1<<63 { // never, but the loop must not be dropped
		d++
	}
	return d
}

// awaitQuiet waits until other programs take almost nothing, for at most limit. It
// returns how long it waited.
func (m *machine) awaitQuiet(ctx context.Context, limit time.Duration) (waited time.Duration, err error) {
	for start := time.Now(); ; {
		from := mark{at: time.Now(), cpu: readTicks()}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(m.look):
		}
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		u := m.use(from, readTicks(), time.Since(from.at).Seconds(), 0)
		if u.Foreign < quietShare || time.Since(start) >= limit { // quiet also when unknown
			return time.Since(start), nil
		}
	}
}
