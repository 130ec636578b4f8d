package kvasir

import (
	"errors"
	"fmt"

	"kvasir/internal/gguf"
	"kvasir/kvcache"
	"kvasir/model"
)

// FileInfo describes a model file without loading it.
type FileInfo struct {
	Path         string         `json:"path"`
	Name         string         `json:"name,omitempty"`
	Architecture string         `json:"architecture"`
	Supported    bool           `json:"supported"`
	Problem      string         `json:"problem,omitempty"` // why it is not supported
	Parameters   uint64         `json:"parameters"`
	TensorBytes  int64          `json:"tensor_bytes"`
	Context      int            `json:"context,omitempty"` // as trained
	Metadata     []MetaEntry    `json:"metadata"`
	Tensors      []TensorDetail `json:"tensors"`

	config *model.Config
}

// MetaEntry is one metadata entry; long values are cut in Value.
type MetaEntry struct {
	Key   string `json:"key"`
	Type  string `json:"type"`
	Value string `json:"value"`
}

// TensorDetail is one tensor; the first dimension is the contiguous one.
type TensorDetail struct {
	Name  string   `json:"name"`
	Type  string   `json:"type"`
	Dims  []uint64 `json:"dims"`
	Bytes int64    `json:"bytes"`
}

// Inspect reads what a model file says about itself. An architecture that
// cannot be run is no error; Supported and Problem tell.
func Inspect(path string) (*FileInfo, error) {
	f, err := gguf.Open(path, gguf.Options{})
	if err != nil {
		return nil, openError(err)
	}
	defer f.Close()
	info := &FileInfo{Path: path, Metadata: []MetaEntry{}, Tensors: []TensorDetail{}}
	info.Architecture, _ = f.String("general.architecture")
	info.Name, _ = f.String("general.name")
	for i := range f.KV {
		kv := &f.KV[i]
		t := kv.Value.Type().String()
		if kv.Value.Type() == gguf.TypeArray {
			t = kv.Value.Elem().String() + "[]"
		}
		info.Metadata = append(info.Metadata, MetaEntry{Key: kv.Key, Type: t, Value: kv.Value.String()})
	}
	for i := range f.Tensors {
		t := &f.Tensors[i]
		info.Parameters += t.Elements()
		info.TensorBytes += t.Size
		info.Tensors = append(info.Tensors, TensorDetail{Name: t.Name, Type: gguf.TypeName(t.Type), Dims: t.Dims, Bytes: t.Size})
	}
	info.config, err = model.LoadConfig(f)
	if err != nil {
		info.Problem = err.Error()
		return info, nil
	}
	info.Supported, info.Context = true, info.config.ContextLength
	return info, nil
}

// CacheBytes estimates the cache of one session with n tokens.
func (i *FileInfo) CacheBytes(n int, kvType string) (int64, error) {
	if i.config == nil {
		return 0, fmt.Errorf("%w: %w", ErrUnsupported, errors.New(i.Problem))
	}
	t, err := kvcache.ParseDType(kvType)
	if err != nil {
		return 0, err
	}
	c := kvcache.Config{Layers: i.config.CacheLayers(), K: t, V: t, Ctx: n}
	return c.SeqBytes(n, min(n, defaultBatch)), nil
}
