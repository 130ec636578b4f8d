package model

import (
	"fmt"
	"strings"

	"kvasir/internal/gguf"
	"kvasir/quant"
)

// loader resolves tensors by name and checks their shapes.
type loader struct {
	f *gguf.File
}

// dims formats a shape for messages.
func dims(d []uint64) string {
	s := make([]string, len(d))
	for i, v := range d {
		s[i] = fmt.Sprint(v)
	}
	return "[" + strings.Join(s, " ") + "]"
}

// find returns the tensor with that exact shape (ne order, trailing ones
// dropped). A missing optional tensor is nil.
func (ld *loader) find(name string, optional bool, shape ...int) (*gguf.TensorInfo, error) {
	t, ok := ld.f.Tensor(name)
	if !ok {
		if optional {
			return nil, nil
		}
		return nil, fmt.Errorf("%w: tensor %q is missing", ErrBadModel, name)
	}
	got := t.Dims
	for len(got) > len(shape) && got[len(got)-1] == 1 {
		got = got[:len(got)-1]
	}
	same := len(got) == len(shape)
	for i := 0; same && i < len(shape); i++ {
		same = got[i] == uint64(shape[i])
	}
	if !same {
		return nil, fmt.Errorf("%w: tensor %q has shape %s, want %s", ErrBadModel, name, dims(t.Dims), strings.Trim(fmt.Sprint(shape), ""))
	}
	return t, nil
}

// vector reads a one-dimensional tensor as f32.
func (ld *loader) vector(name string, n int, optional bool) ([]float32, error) {
	t, err := ld.find(name, optional, n)
	if t == nil || err != nil {
		return nil, err
	}
	m, err := quant.NewMatrix(quant.Type(t.Type), 1, n, ld.f.Data(t))
	if err != nil {
		return nil, fmt.Errorf("%w: tensor %q: %w", ErrUnsupported, name, err)
	}
	x := make([]float32, n)
	m.Row(x, 0)
	return x, nil
}

// matrices reads a weight as count matrices of rows × cols (count > 1: a 3-D
// tensor of experts).
func (ld *loader) matrices(name string, rows, cols, count int, optional bool) ([]*Linear, error) {
	shape := []int{cols, rows}
	if count > 1 {
		shape = append(shape, count)
	}
	t, err := ld.find(name, optional, shape...)
	if t == nil || err != nil {
		return nil, err
	}
	data := ld.f.Data(t)
	each := len(data) / count
	ls := make([]*Linear, count)
	for i := range ls {
		m, err := quant.NewMatrix(quant.Type(t.Type), rows, cols, data[i*each:(i+1)*each])
		if err != nil {
			return nil, fmt.Errorf("%w: tensor %q: %w", ErrUnsupported, name, err)
		}
		ls[i] = &Linear{Scale: 1, matrix: m, tensor: t}
	}
	return ls, nil
}

// linear reads base.weight with its optional base.bias and, where scaled,
// base.scale.
func (ld *loader) linear(base string, rows, cols int, optional, scaled bool) (*Linear, error) {
	ls, err := ld.experts(base, rows, cols, 1, optional, scaled)
	if ls == nil || err != nil {
		return nil, err
	}
	return ls[0], nil
}

// experts reads count matrices stacked in one tensor, or one tensor an expert
// (base.N.weight, as old files have them).
func (ld *loader) experts(base string, rows, cols, count int, optional, scaled bool) (experts, error) {
	ls, err := ld.matrices(base+".weight", rows, cols, count, optional || count > 1)
	if err != nil {
		return nil, err
	}
	if ls == nil && count > 1 {
		if ls, err = ld.split(strings.TrimSuffix(base, "_exps"), rows, cols, count); err != nil {
			return nil, err
		}
		if ls == nil && !optional {
			return nil, fmt.Errorf("%w: tensor %q is missing", ErrBadModel, base+".weight")
		}
	}
	if ls == nil {
		return nil, nil
	}
	bias, err := ld.perExpert(base+".bias", rows, count)
	if err != nil {
		return nil, err
	}
	var scale []float32
	if scaled {
		if scale, err = ld.vector(base+".scale", count, true); err != nil {
			return nil, err
		}
	}
	for i, l := range ls {
		if bias != nil {
			l.Bias = bias[i*rows : (i+1)*rows]
		}
		if scale != nil {
			l.Scale = scale[i]
		}
	}
	return ls, nil
}

// split reads one tensor an expert; nil when there is not even the first.
func (ld *loader) split(base string, rows, cols, count int) ([]*Linear, error) {
	var ls []*Linear
	for i := range count {
		l, err := ld.matrices(fmt.Sprintf("%s.%d.weight", base, i), rows, cols, 1, i == 0)
		if l == nil || err != nil {
			return nil, err
		}
		ls = append(ls, l[0])
	}
	return ls, nil
}

// perExpert reads an optional [rows] or [rows, count] tensor.
func (ld *loader) perExpert(name string, rows, count int) ([]float32, error) {
	if count == 1 {
		return ld.vector(name, rows, true)
	}
	ms, err := ld.find(name, true, rows, count)
	if ms == nil || err != nil {
		return nil, err
	}
	m, err := quant.NewMatrix(quant.Type(ms.Type), count, rows, ld.f.Data(ms))
	if err != nil {
		return nil, fmt.Errorf("%w: tensor %q: %w", ErrUnsupported, name, err)
	}
	x := make([]float32, rows*count)
	for i := range count {
		m.Row(x[i*rows:(i+1)*rows], i)
	}
	return x, nil
}
