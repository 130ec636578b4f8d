package eval

import "kvasir"

// Baseline is the result of sinks that result i is compared with: the same share of
// the bytes or the same budget, storage and attention; nil when there is none.
func Baseline(res []KVResult, i int) *KVResult {
	r := &res[i]
	for j := range res {
		b := &res[j]
		if j == i || b.Policy != "sinks" || b.KVType != r.KVType || b.Attention != r.Attention || b.Asked != r.Asked {
			continue
		}
		if b.Asked > 0 || b.Budget == r.Budget {
			return b
		}
	}
	return nil
}

// Wins counts the windows on which the divergence is below that of b.
func (q *Quality) Wins(b *KVResult) (n, all int) {
	for i, v := range q.KLWindows {
		if v < b.KLWindows[i] {
			n++
		}
	}
	return n, len(q.KLWindows)
}

// Name names a setting in tables.
func (r *NeedleResult) Name() string {
	s := Setting{KV: r.KV, Ratio: r.Asked, Type: DefaultType, Attention: "dense"}
	return s.String()
}

// Text returns n tokens of generated prose; of the retrieval model's own stream,
// where that is the model.
func Text(eng *kvasir.Engine, n int, seed uint64) ([]int32, error) {
	if isRecall(eng) {
		return recallText(seed, n), nil
	}
	next, err := newFill("prose", &draw{seed: seed, use: useFill})
	if err != nil {
		return nil, err
	}
	var out []int32
	for len(out) < n {
		k := len(out)
		out = append(out, eng.Tokenizer().Encode(next(), kvasir.EncodeOptions{})...)
		if len(out) == k {
			return nil, kvasir.ErrUnsupported // no vocabulary
		}
	}
	return out[:n], nil
}
