package recall

import "math/bits"

// Purposes of draws.
const (
	useEvent = iota
	useNew
	useKeys
	useValues
	useSpan
	useAge
	useHabit
	useSuccessor
	useOwn
	useRate
	usePairs
	useQuiet
	useStart
	usePlace
)

const (
	tableSeed = 0x5EED
	habit     = 57344 // of 65536: how often a habit symbol keeps its own successor
)

// weights say how often each successor follows, of 65536.
var weights = [4]int{36044, 16384, 9830, 3278}

// table holds four successors of every noise symbol.
var table = func() (t [noiseSize][4]uint8) {
	for i := range 4 * noiseSize {
		a, b := Below(U(tableSeed, 0, uint64(i), 0), noiseSize), Below(U(tableSeed, 0, uint64(i), 1), noiseSize)
		t[i/4][i%4] = uint8(a * b >> 7)
	}
	return t
}()

// stream writes one document.
type stream struct {
	seed, doc uint64
	keys      [keySize]int
	ids       []int32
	classes   []Class
	x         int // the noise symbol last written
}

func newStream(seed, doc uint64) *stream {
	s := &stream{seed: seed, doc: doc}
	for i := range s.keys {
		s.keys[i] = i
	}
	s.shuffle(s.keys[:], useKeys)
	s.put(BOS, ClassBOS)
	s.x = s.draw(0, useStart, noiseSize)
	return s
}

func (s *stream) draw(pos int, use uint64, n int) int {
	return Below(U(s.seed, s.doc, uint64(pos), use), n)
}

func (s *stream) shuffle(x []int, use uint64) {
	for i := len(x) - 1; i > 0; i-- {
		j := s.draw(i, use, i+1)
		x[i], x[j] = x[j], x[i]
	}
}

func (s *stream) put(id int, c Class) {
	s.ids, s.classes = append(s.ids, int32(id)), append(s.classes, c)
}

func (s *stream) value(pair int) int { return Values + s.draw(pair, useValues, valueSize) }

// noise writes the next symbol: the document's own successor of a habit symbol, or
// one of the table.
func (s *stream) noise() {
	t := len(s.ids)
	if s.x%4 == 3 && s.draw(t, useHabit, 65536) < habit {
		s.x = s.draw(s.x, useOwn, noiseSize)
		s.put(Noise+s.x, ClassHabit)
		return
	}
	u, pick := s.draw(t, useSuccessor, 65536), 0
	for sum := weights[0]; u >= sum; sum += weights[pick] {
		pick++
	}
	s.x = int(table[s.x][pick])
	s.put(Noise+s.x, ClassNoise)
}

func (s *stream) pair(k int) {
	s.put(Keys+s.keys[k], ClassKey)
	s.put(s.value(k), ClassValue)
}

func (s *stream) ask(k int) {
	s.put(Ask, ClassAsk)
	s.put(Keys+s.keys[k], ClassAsked)
	s.put(s.value(k), ClassAnswer)
}

// Document returns document doc of n tokens with what each of them is. Pairs are
// told and asked for throughout; a quarter of the documents ask only at their end.
func Document(seed, doc uint64, n int) ([]int32, []Class) {
	s := newStream(seed, doc)
	rate := 8 << s.draw(0, useRate, 5)
	pairs := max(1, min(1<<s.draw(0, usePairs, 8), n/16, 128))
	quiet, asks, m := s.draw(0, useQuiet, 4) == 0, 0, 0
	if quiet {
		asks = 1 + s.draw(1, useStart, 8)
	}
	for {
		t := len(s.ids)
		if n-t-3*asks < 3 {
			break
		}
		switch event := s.draw(t, useEvent, rate) == 0; {
		case event && m < pairs && (m == 0 || quiet || s.draw(t, useNew, 2) == 0):
			s.pair(m)
			m++
		case event && !quiet: // the age is even on a logarithmic scale
			span := 1 << s.draw(t, useSpan, bits.Len(uint(m))+1)
			s.ask(m - 1 - s.draw(t, useAge, min(span, m)))
		default:
			s.noise()
		}
	}
	if m > 0 {
		order := make([]int, m)
		for i := range order {
			order[i] = i
		}
		s.shuffle(order, useAge)
		for i := range asks {
			s.ask(order[i%m])
		}
	}
	for len(s.ids) < n {
		s.noise()
	}
	return s.ids[:n], s.classes[:n]
}

// Prompt is a question to a model: noise with pairs in it, "? key" as the last two
// tokens.
type Prompt struct {
	IDs    []int32
	Needle int // position of the key that is asked for; its value follows
	Answer int32
}

// NewPrompt returns a prompt of n tokens with the given number of pairs, of which
// the asked one stands depth percent of the way and the others at drawn places.
// n must be at least 2·pairs + 8, pairs 1 to 128, depth 0 to 100.
func NewPrompt(seed, doc uint64, n, pairs, depth int) Prompt {
	s := newStream(seed, doc)
	slots := (n - 3) / 2
	at := make(map[int]int, pairs)
	p := Prompt{Answer: int32(s.value(0))}
	at[min(slots*depth/100, slots-1)] = 0
	for k, draw := 1, 0; k < pairs; draw++ {
		place := s.draw(draw, usePlace, slots)
		if _, taken := at[place]; !taken {
			at[place] = k
			k++
		}
	}
	for i := range slots {
		if k, ok := at[i]; ok {
			if k == 0 {
				p.Needle = len(s.ids)
			}
			s.pair(k)
			continue
		}
		s.noise()
		s.noise()
	}
	for len(s.ids) < n-2 {
		s.noise()
	}
	p.IDs = append(s.ids, Ask, int32(Keys+s.keys[0]))
	return p
}
