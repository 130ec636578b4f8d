// Package recall makes the token stream recall-v1: key-value recall in noise, for
// the small model made to retrieve (bench/retrieval). Every id is a pure function
// of seed, document and length; bench/retrieval/recall.py is its twin.
//
// Ids: 1 <s>, 3 "?", noise 16–143, keys 144–335, values 336–511. A pair is a key
// and the value after it; "? key" asks for the value.
package recall

// Vocabulary.
const (
	BOS       = 1
	Ask       = 3
	Noise     = 16
	Keys      = 144
	Values    = 336
	Size      = 512
	noiseSize = 128
	keySize   = 192
	valueSize = 176
)

// Class says what a token of a document is.
type Class uint8

// Classes of tokens.
const (
	ClassBOS Class = iota
	ClassNoise
	ClassHabit // follows the document's own successor
	ClassKey   // of a new pair
	ClassValue
	ClassAsk
	ClassAsked  // the key that is asked for
	ClassAnswer // known to who remembers the pair
)

// Evaluation is set in the seeds of documents that no training has seen.
const Evaluation = 1 << 63

// U returns 64 bits for a place of use: a pure function, so that no draw depends
// on the order of others.
func U(seed, doc, pos, use uint64) uint64 {
	x := seed + doc*0xD1B54A32D192ED03 + pos*0x9E3779B97F4A7C15 + use*0x8CB92BA72F3D8DD7 + 0x632BE59BD9B4E019
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return x ^ x>>31
}

// Below maps 64 bits to an integer in [0, n).
func Below(u uint64, n int) int { return int((u >> 32) * uint64(n) >> 32) }
