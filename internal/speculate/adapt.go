package speculate

// Buckets of acceptance: drafts of the same bucket are expected to be accepted
// alike.
const Buckets = 16

const (
	maxRows    = 96   // passes of more rows are not told apart
	fasterTime = 0.5  // weight of a new time below the average
	slowerTime = 0.1  // and of one above
	firstTime  = 1.5  // the first time counts as at most this multiple of the expected
	memory     = 64   // trials that acceptance remembers
	priorTries = 8    // trials that the prior counts for
	margin     = 1.03 // predicted gain below which nothing is drafted
	probeEvery = 32   // tokens without a draft after which one is made anyway
	rowCost    = 0.28 // of one row more in a pass, before it was measured
)

// Controller chooses how much to draft: it keeps the rate of acceptance and, unless
// it is nominal, the measured times of passes, and maximises the expected tokens per
// second
//
//	S(g) = (1 + Σ_{i≤g} Π_{j≤i} a_j) / (g·draft + T(rows(g)))
//
// over the length g of the draft (Leviathan et al. 2023, with the time T of a pass
// of several rows as it is on few cores). It is used by one goroutine at a time.
type Controller struct {
	accept [Buckets]rate
	pass   [maxRows + 1]float64 // seconds, 0 = never measured
	draft  float64
	fixed  bool
	idle   int // tokens since the last draft
}

// rate is a remembered share of successes.
type rate struct{ hits, tries float64 }

// NewController starts with a prior acceptance for each bucket. With nominal >= 0 the
// choice does not depend on time: a draft pass costs nominal target passes of one
// row, and a pass of n rows 1+0.28·(n-1) of them.
func NewController(prior [Buckets]float64, nominal float64) *Controller {
	c := &Controller{fixed: nominal >= 0, draft: max(nominal, 0)}
	for i, a := range prior {
		c.accept[i] = rate{a * priorTries, priorTries}
	}
	return c
}

// Timed is the nominal cost that asks for a choice by measured times.
const Timed = -1

// Tried records whether a drafted token was accepted.
func (c *Controller) Tried(bucket int, accepted bool) {
	r := &c.accept[bucket]
	r.hits -= r.hits / memory
	r.tries -= r.tries / memory
	r.tries++
	if accepted {
		r.hits++
	}
}

// Acceptance is the remembered rate of a bucket.
func (c *Controller) Acceptance(bucket int) float64 {
	return c.accept[bucket].hits / c.accept[bucket].tries
}

// Passed records the time of a target pass of n rows.
func (c *Controller) Passed(n int, seconds float64) {
	if c.fixed {
		return
	}
	n = min(n, maxRows)
	if c.pass[n] == 0 && c.pass[1] > 0 { // a disturbed first pass must not rule out its size
		seconds = min(seconds, firstTime*c.Pass(n))
	}
	remember(&c.pass[n], seconds)
}

// Drafted records the time of one draft pass.
func (c *Controller) Drafted(seconds float64) {
	if !c.fixed {
		remember(&c.draft, seconds)
	}
}

// remember averages, near the low end: other programs make passes longer, never
// shorter, and those of many rows more often. A time far above the average counts as
// twice the average.
func remember(avg *float64, x float64) {
	switch {
	case *avg == 0:
		*avg = x
	case x < *avg:
		*avg += fasterTime * (x - *avg)
	default:
		*avg += slowerTime * (min(x, 2**avg) - *avg)
	}
}

// nominal is the shape of pass times before they are measured.
func nominal(n int) float64 { return 1 + rowCost*float64(n-1) }

// Pass is the expected time of a pass of n rows: measured, or between the nearest
// measurements, or a multiple of one. The unit is a pass of one row until one was
// measured.
func (c *Controller) Pass(n int) float64 {
	n = min(n, maxRows)
	if c.pass[n] > 0 {
		return c.pass[n]
	}
	lo, hi := n, n
	for lo > 0 && c.pass[lo] == 0 {
		lo--
	}
	for hi <= maxRows && c.pass[hi] == 0 {
		hi++
	}
	switch {
	case lo > 0 && hi <= maxRows:
		return c.pass[lo] + (c.pass[hi]-c.pass[lo])*float64(n-lo)/float64(hi-lo)
	case lo > 0:
		return c.pass[lo] * nominal(n) / nominal(lo)
	case hi <= maxRows:
		return c.pass[hi] * nominal(n) / nominal(hi)
	}
	return nominal(n)
}

// Known reports whether a pass of n rows was measured.
func (c *Controller) Known(n int) bool { return n <= maxRows && c.pass[n] > 0 }

// DraftTime is the expected time of a draft pass.
func (c *Controller) DraftTime() float64 { return c.draft }

// Choose returns how many tokens to draft, 0 to most, when token i of the draft
// belongs to bucket(i), and a draft of g tokens makes a pass of rows(g) rows. It is 0
// where nothing is expected to be gained, but for a short draft now and then.
func (c *Controller) Choose(most int, bucket, rows func(i int) int) int {
	if most <= 0 {
		return 0
	}
	one := c.Pass(1)
	best, choice := margin/one, 0
	expected, product := 1.0, 1.0
	for g := 1; g <= most; g++ {
		product *= c.Acceptance(bucket(g - 1))
		expected += product
		if s := expected / (float64(g)*c.draft + c.Pass(rows(g))); s > best {
			best, choice = s, g
		}
	}
	if choice == 0 && c.idle >= probeEvery {
		choice = min(2, most)
	}
	return choice
}

// Emitted records the tokens of a round and whether something was drafted.
func (c *Controller) Emitted(tokens int, drafted bool) {
	if drafted {
		c.idle = 0
	} else {
		c.idle += tokens
	}
}
