package model

import (
	"errors"
	"fmt"

	"kvasir/attention"
	"kvasir/internal/gguf"
	"kvasir/internal/mmap"
	"kvasir/internal/parallel"
	"kvasir/kvcache"
	"kvasir/quant"
)

// Model is the immutable part of a loaded model: configuration and weights.
// It is safe for concurrent use by several States.
type Model struct {
	cfg       *Config
	load      *loader
	mem       *mmap.Anon // packed weights
	embed     quant.Matrix
	tied      bool // the head is the embedding
	outNorm   []float32
	head      *Linear
	layers    []layer
	attn      []attention.Layer
	ropeSpecs []*ropeSpec
	packed    int64
}

// Load binds the tensors of f and packs the weights with the workers of pool.
// ctx is the context length the model will be run at (it decides between the
// rotations of long-rope files). The file must stay open: embeddings that are not
// the output projection too are read from it row by row.
func Load(f *gguf.File, pool *parallel.Pool, ctx int) (*Model, error) {
	c, err := LoadConfig(f)
	if err != nil {
		return nil, err
	}
	m := &Model{cfg: c, load: &loader{f: f}}
	if err := m.bind(); err != nil {
		return nil, err
	}
	if err := m.ropes(ctx); err != nil {
		return nil, err
	}
	if err := m.pack(pool); err != nil {
		return nil, err
	}
	for i := range m.layers {
		m.attn = append(m.attn, attention.Layer{
			Index: i, QHeads: c.Heads, KVHeads: c.KVHeads[i], KDim: c.KeyDim, VDim: c.ValueDim,
			Scale: c.AttnScale, SoftCap: c.AttnCap, Window: c.Windows[i], Sinks: m.layers[i].sinks,
		})
	}
	return m, nil
}

// Config returns the hyper-parameters. They must not be changed.
func (m *Model) Config() *Config { return m.cfg }

// PackedBytes is the size of the packed weights.
func (m *Model) PackedBytes() int64 { return m.packed }

// Close frees the weights. No State may be in use.
func (m *Model) Close() error { return m.mem.Free() }

// CacheLayers is the geometry that the model's KV cache must have.
func (c *Config) CacheLayers() []kvcache.LayerSpec {
	specs := make([]kvcache.LayerSpec, c.Layers)
	for i := range specs {
		specs[i] = kvcache.LayerSpec{
			KVHeads: c.KVHeads[i], KDim: c.KeyDim, VDim: c.ValueDim, Window: c.Windows[i],
			QHeads: c.Heads, Scale: c.AttnScale, SoftCap: c.AttnCap,
		}
	}
	return specs
}

// CacheLayers is the geometry that the model's KV cache must have, with the
// rotation of each layer.
func (m *Model) CacheLayers() []kvcache.LayerSpec {
	specs := m.cfg.CacheLayers()
	for i := range specs {
		if r := m.layers[i].rope; r >= 0 {
			specs[i].Rope = &m.ropeSpecs[r].Rope
		}
	}
	return specs
}

// embedding decodes a row of the embedding. Where it is the output projection too, the
// row comes out of the packed weights, with the same bits: of the file, each row would
// keep a page resident, in the end all of them.
func (m *Model) embedding(x []float32, id int) {
	if m.tied {
		m.head.W.Row(x, id)
	} else {
		m.embed.Row(x, id)
	}
}

// pack repacks every matrix into one block of memory and drops the pages of
// the file as they were read, so that no weight is resident twice.
func (m *Model) pack(pool *parallel.Pool) error {
	const align = 64
	total := 0
	size := func(l *Linear) { total += (quant.PackedBytes(l.matrix) + align - 1) &^ (align - 1) }
	for i := range m.layers {
		m.layers[i].linears(size)
	}
	size(m.head)
	mem, err := mmap.Alloc(total)
	if err != nil {
		return fmt.Errorf("memory for %d bytes of packed weights: %w", total, err)
	}
	m.mem, m.packed = mem, int64(total)
	p := &packer{pool: pool, mem: mem.Data, file: m.load.f}
	p.pack(m.head) // the largest first: its pages are gone before the rest is mapped in
	for i := range m.layers {
		m.layers[i].linears(p.pack)
	}
	if p.err != nil {
		return errors.Join(p.err, mem.Free())
	}
	return nil
}

// any reports whether f holds for any matrix.
func (m *Model) any(f func(*quant.Packed) bool) bool {
	found := f(m.head.W)
	for i := range m.layers {
		m.layers[i].linears(func(l *Linear) { found = found || f(l.W) })
	}
	return found
}

// packer packs matrix after matrix with all workers.
type packer struct {
	pool *parallel.Pool
	file *gguf.File
	mem  []byte
	cur  *Linear
	err  error
}

// packChunk is the number of row groups in one part.
const packChunk = 8

func (p *packer) pack(l *Linear) {
	if p.err != nil {
		return
	}
	n := quant.PackedBytes(l.matrix)
	l.W, p.err = quant.NewPacked(l.matrix, p.mem[:n:n])
	if p.err != nil {
		return
	}
	p.mem = p.mem[(n+63)&^63:]
	p.cur = l
	p.pool.Run(p, (l.W.RowGroups()+packChunk-1)/packChunk)
	p.err = p.file.Release(l.tensor)
}

// Do packs one part of the current matrix.
func (p *packer) Do(_, part int) {
	lo := part * packChunk
	p.cur.W.PackGroups(p.cur.matrix, lo, min(lo+packChunk, p.cur.W.RowGroups()))
}
