package server

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"os"
	"strings"

	"kvasir"
)

// modelBody is a model in lists.
type modelBody struct {
	ID      string    `json:"id"`
	Object  string    `json:"object"`
	Created int64     `json:"created"`
	OwnedBy string    `json:"owned_by"`
	Meta    modelMeta `json:"meta"`
}

type modelMeta struct {
	ContextLength int      `json:"context_length"`
	MaxOutput     int      `json:"max_output"`
	Architecture  string   `json:"architecture"`
	Quantization  string   `json:"quantization"`
	Parameters    uint64   `json:"parameters"`
	Bytes         int64    `json:"bytes"`
	State         string   `json:"state"`
	Capabilities  []string `json:"capabilities"`
}

func (m *served) body() modelBody {
	b := modelBody{ID: m.name, Object: "model", Created: m.mtime.Unix(), OwnedBy: "local"}
	b.Meta = modelMeta{
		ContextLength: m.contextLength(), MaxOutput: m.contextLength(), Architecture: m.info.Architecture, Quantization: m.quantization(),
		Parameters: m.info.Parameters, Bytes: m.size, State: "unloaded", Capabilities: m.capabilities(),
	}
	if most := m.h.s.cfg.MaxOutput; most > 0 {
		b.Meta.MaxOutput = most
	}
	if m.loaded() != nil {
		b.Meta.State = "loaded"
	}
	return b
}

func (m *served) capabilities() []string {
	out := []string{"completion"}
	if t := m.meta("tokenizer.chat_template"); t != "" {
		out = append(out, "chat", "tools")
	}
	return append(out, "embedding")
}

// quantization is the format of most of the weights.
func (m *served) quantization() string {
	bytes := map[string]int64{}
	best := ""
	for _, t := range m.info.Tensors {
		bytes[t.Type] += t.Bytes
		if bytes[t.Type] > bytes[best] {
			best = t.Type
		}
	}
	return strings.ToUpper(best)
}

// digest is the SHA-256 of the file, computed once.
func (m *served) digest() string {
	m.once.Do(func() {
		f, err := os.Open(m.path)
		if err != nil {
			return // the file is gone; the digest stays empty
		}
		defer f.Close()
		h := sha256.New()
		if _, err := io.Copy(h, f); err == nil {
			m.sum = hex.EncodeToString(h.Sum(nil))
		}
	})
	return m.sum
}

// fingerprint names the program, the model and the arithmetic: answers with
// equal fingerprints and seeds are equal.
func (m *served) fingerprint() string {
	d := m.digest()
	return "kvasir-" + m.h.s.cfg.Version + "-" + d[:min(8, len(d))] + "-" + m.eng.Info().Level
}

func (s *Server) models(w http.ResponseWriter, _ *http.Request) error {
	list := []modelBody{}
	for _, name := range s.host.order {
		list = append(list, s.host.by[name].body())
	}
	writeJSON(w, http.StatusOK, struct {
		Object string      `json:"object"`
		Data   []modelBody `json:"data"`
	}{"list", list})
	return nil
}

func (s *Server) model(w http.ResponseWriter, r *http.Request) error {
	m, err := s.host.find(r.PathValue("id"))
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, m.body())
	return nil
}

// livez answers as long as the process does.
func (s *Server) livez(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	return nil
}

// readyz answers whether requests are taken on.
func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) error {
	switch {
	case s.draining.Load():
		writeJSON(w, http.StatusServiceUnavailable, map[string]string{"status": "draining"})
	case !s.host.ready():
		writeJSON(w, http.StatusServiceUnavailable, map[string]string{"status": "loading"})
	default:
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	}
	return nil
}

// ask ends the reading of a request, all of whose fields must be known by now, and
// borrows the model that it names; the caller releases it.
func (s *Server) ask(r *http.Request, f *fields, name string) (*served, error) {
	if err := f.done(); err != nil {
		return nil, err
	}
	return s.host.acquire(r.Context(), name)
}

// embeddings answers POST /v1/embeddings.
func (s *Server) embeddings(w http.ResponseWriter, r *http.Request) error {
	f, err := s.readBody(w, r)
	if err != nil {
		return err
	}
	name := f.str("model", "", maxNameBytes)
	input := f.get("input")
	format := f.word("encoding_format", "float", "float", "base64")
	dims := f.integer("dimensions", 0, 1, 1<<20)
	cut := f.boolean("allow_truncation", false)
	pool := kvasir.Pooling(f.word("pooling", "", "", "last", "mean", "cls"))
	f.ignore("user")
	m, err := s.ask(r, f, name)
	if err != nil {
		return err
	}
	defer m.release()
	texts, err := embedInput(m, input)
	if err != nil {
		return err
	}
	vectors, tokens, err := s.embed(r, m, texts, pool)
	if err != nil {
		return err
	}
	size := m.eng.Info().EmbedDim
	if dims > 0 && dims != size {
		if dims > size || !cut {
			return invalidValue("dimensions", "dimensions is %d, the model's vectors have %d (shorter ones with allow_truncation: true)", dims, size)
		}
		vectors = shorten(vectors, dims)
	}
	writeJSON(w, http.StatusOK, embeddingsAnswer(m.name, vectors, tokens, format == "base64"))
	return nil
}
