package sampler

import (
	"math"
	"math/bits"
	"slices"
)

// A key packs a candidate into one integer whose ascending order is logit
// descending, then id ascending. Keys of distinct tokens are distinct, so every
// selection has exactly one answer.

// makeKey packs x and id; -0 ranks as 0.
func makeKey(x float32, id int32) uint64 {
	b := math.Float32bits(x)
	if b == 1<<31 {
		b = 0
	}
	ascending := b ^ (uint32(int32(b)>>31) | 1<<31)
	return uint64(^ascending)<<32 | uint64(uint32(id))
}

// splitKey undoes makeKey.
func splitKey(k uint64) (x float32, id int32) {
	b := ^uint32(k >> 32)
	if b>>31 != 0 {
		b ^= 1 << 31
	} else {
		b = ^b
	}
	return math.Float32frombits(b), int32(uint32(k))
}

// gatherSlack is the least room beyond n in gather, so that small n do not
// partition too often.
const gatherSlack = 256

// gather returns the keys of the n best unmasked candidates in no order, fewer when
// there are fewer.
//
// It is one pass with a floor: candidates that may still be among the n best go to
// a buffer of about 2n; when it is full, a partition keeps n of them and raises the
// floor. Each partition costs O(n) and is paid for by n insertions, so any order of
// logits takes O(len). Where the largest logits of the blocks are known, the n-th
// largest of those is the first floor. The buffer is the chain's, valid until the
// next call.
func (c *Cand) gather(n int) []uint64 {
	n = min(n, len(c.Logits))
	floor := c.blockFloor(n)
	limit := min(len(c.Logits), n+max(n, gatherSlack))
	keys := slices.Grow(c.mem.keys[:0], limit)[:limit]
	c.mem.keys = keys
	used := 0
	for lo, hi := c.span(0, floor); lo < hi; lo, hi = c.span(hi, floor) {
		for i := lo; i < hi; i++ {
			x := c.Logits[i]
			if x < floor {
				continue
			}
			if used == limit {
				partition(keys, n)
				used = n
				floor, _ = splitKey(keys[n-1])
				if x < floor {
					continue
				}
			}
			keys[used] = makeKey(x, c.id(i))
			used++
		}
	}
	if used > n {
		partition(keys[:used], n)
		used = n
	}
	return keys[:used]
}

// blockFloor returns a logit that at least n candidates reach, if the blocks tell one.
func (c *Cand) blockFloor(n int) float32 {
	if n > len(c.tops) {
		return lowFinite
	}
	keys := slices.Grow(c.mem.keys[:0], len(c.tops))[:len(c.tops)]
	c.mem.keys = keys
	for b, x := range c.tops {
		keys[b] = makeKey(x, int32(b))
	}
	partition(keys, n)
	floor, _ := splitKey(keys[n-1])
	return max(floor, lowFinite)
}

// partition reorders keys so that the n smallest come first and keys[n-1] is the
// largest of those. 1 <= n <= len(keys). Quickselect by median of three; a run of bad
// pivots ends in a sort, so the worst case is O(len log len).
func partition(keys []uint64, n int) {
	lo, hi := 0, len(keys)-1
	for budget := 2 * bits.Len(uint(len(keys))); lo < hi; budget-- {
		if budget == 0 {
			slices.Sort(keys[lo : hi+1])
			return
		}
		pivot := median(keys[lo], keys[lo+(hi-lo)/2], keys[hi])
		i, j := lo, hi
		for i <= j {
			for keys[i] < pivot {
				i++
			}
			for keys[j] > pivot {
				j--
			}
			if i <= j {
				keys[i], keys[j] = keys[j], keys[i]
				i++
				j--
			}
		}
		switch {
		case n-1 <= j:
			hi = j
		case n-1 >= i:
			lo = i
		default:
			return
		}
	}
}

// median returns the middle one of three keys.
func median(a, b, c uint64) uint64 {
	return max(min(a, b), min(max(a, b), c))
}
