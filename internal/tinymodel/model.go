package tinymodel

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"kvasir/internal/gguf"
	"kvasir/quant"
)

// Model is a model file before it is written. Tests change it to make files
// that are damaged in one place.
type Model struct {
	KV      []gguf.KV
	Tensors []*Tensor

	prefix string
}

// Tensor is one tensor; Dims has the contiguous dimension first.
type Tensor struct {
	Name string
	Dims []int
	Type quant.Type
	Data []byte
}

// Write writes the model of s to a file.
func Write(path string, s Spec) error {
	m, err := New(s)
	if err != nil {
		return err
	}
	return m.Write(path)
}

// Clone returns a copy that can be changed on its own. Tensors share their data,
// which Resize and Fill replace.
func (m *Model) Clone() *Model {
	c := &Model{KV: append([]gguf.KV(nil), m.KV...), prefix: m.prefix}
	for _, t := range m.Tensors {
		t := *t
		c.Tensors = append(c.Tensors, &t)
	}
	return c
}

// Write writes the model to a file.
func (m *Model) Write(path string) error {
	return gguf.WriteFile(path, m.KV, m.infos(), m.data())
}

// Bytes returns the file.
func (m *Model) Bytes() ([]byte, error) {
	var b bytes.Buffer
	err := gguf.Write(&b, m.KV, m.infos(), m.data())
	return b.Bytes(), err
}

func (m *Model) infos() []gguf.TensorInfo {
	infos := make([]gguf.TensorInfo, len(m.Tensors))
	for i, t := range m.Tensors {
		infos[i] = gguf.TensorInfo{Name: t.Name, Type: uint32(t.Type)}
		for _, d := range t.Dims {
			infos[i].Dims = append(infos[i].Dims, uint64(d))
		}
	}
	return infos
}

// data returns the callback of the writer, which asks for the tensors in order.
func (m *Model) data() func(io.Writer, *gguf.TensorInfo) error {
	next := 0
	return func(w io.Writer, _ *gguf.TensorInfo) error {
		next++
		_, err := w.Write(m.Tensors[next-1].Data)
		return err
	}
}

// Set sets a metadata entry, replacing one of the same name. A key without the
// prefix "general." or "tokenizer." is one of the architecture.
func (m *Model) Set(key string, v gguf.Value) {
	m.KV = gguf.SetKV(m.KV, m.full(key), v)
}

// Remove removes a metadata entry.
func (m *Model) Remove(key string) {
	key = m.full(key)
	for i := range m.KV {
		if m.KV[i].Key == key {
			m.KV = append(m.KV[:i:i], m.KV[i+1:]...)
			return
		}
	}
}

func (m *Model) full(key string) string {
	for _, p := range []string{"general.", "tokenizer."} {
		if len(key) > len(p) && key[:len(p)] == p {
			return key
		}
	}
	return m.prefix + key
}

// Tensor returns the tensor of a name, nil for none.
func (m *Model) Tensor(name string) *Tensor {
	for _, t := range m.Tensors {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// Drop removes a tensor.
func (m *Model) Drop(name string) {
	for i, t := range m.Tensors {
		if t.Name == name {
			m.Tensors = append(m.Tensors[:i:i], m.Tensors[i+1:]...)
			return
		}
	}
}

// Resize changes the shape of a tensor and cuts or extends its data with zeros.
// The first dimension must stay a whole number of blocks.
func (t *Tensor) Resize(dims ...int) error {
	rows := 1
	for _, d := range dims[1:] {
		rows *= d
	}
	row, err := quant.RowBytes(t.Type, dims[0])
	if err != nil {
		return fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	data := make([]byte, rows*row)
	copy(data, t.Data)
	t.Dims, t.Data = dims, data
	return nil
}

// Fill sets every value of an f32 tensor.
func (t *Tensor) Fill(v float32) {
	n := 1
	for _, d := range t.Dims {
		n *= d
	}
	x := make([]float32, n)
	for i := range x {
		x[i] = v
	}
	t.Type, t.Data = quant.F32, floats(x)
}

// floats returns the bytes of f32 values.
func floats(x []float32) []byte {
	b, err := binary.Append(nil, binary.LittleEndian, x)
	if err != nil {
		panic(fmt.Sprintf("tinymodel: %v", err)) // a slice of float32 has a fixed size
	}
	return b
}
