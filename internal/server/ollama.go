package server

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"kvasir"
)

// ollamaLevel is the version of the API that the routes follow.
const ollamaLevel = "0.13.0"

func (s *Server) ollamaVersion(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, map[string]string{"version": ollamaLevel})
	return nil
}

func (s *Server) ollamaRefused(_ http.ResponseWriter, r *http.Request) error {
	return &apiError{
		status: http.StatusForbidden, kind: kindPermission, code: "not_allowed",
		message: r.URL.Path + " is not allowed over the network: use the command line (infer pull, infer list, infer rm)",
	}
}

// ollamaDetails describe a model.
type ollamaDetails struct {
	Parent       string   `json:"parent_model"`
	Format       string   `json:"format"`
	Family       string   `json:"family"`
	Families     []string `json:"families"`
	Parameters   string   `json:"parameter_size"`
	Quantization string   `json:"quantization_level"`
}

type ollamaModel struct {
	Name     string        `json:"name"`
	Model    string        `json:"model"`
	Modified time.Time     `json:"modified_at"`
	Size     int64         `json:"size"`
	Digest   string        `json:"digest"`
	Details  ollamaDetails `json:"details"`
	// Of loaded models.
	Expires *time.Time `json:"expires_at,omitempty"`
	VRAM    *int64     `json:"size_vram,omitempty"`
	Context int        `json:"context_length,omitempty"`
}

func (m *served) ollama() ollamaModel {
	return ollamaModel{Name: m.name, Model: m.name, Modified: m.mtime, Size: m.size, Digest: m.digest(), Details: m.details()}
}

func (m *served) details() ollamaDetails {
	a := m.info.Architecture
	return ollamaDetails{Format: "gguf", Family: a, Families: []string{a}, Parameters: humanCount(m.info.Parameters), Quantization: m.quantization()}
}

// humanCount is 134.5M or 1.2B.
func humanCount(n uint64) string {
	if n >= 1e9 {
		return trimFloat(float64(n)/1e9) + "B"
	}
	return trimFloat(float64(n)/1e6) + "M"
}

func (s *Server) ollamaTags(w http.ResponseWriter, _ *http.Request) error {
	list := []ollamaModel{}
	for _, name := range s.host.order {
		list = append(list, s.host.by[name].ollama())
	}
	writeJSON(w, http.StatusOK, map[string]any{"models": list})
	return nil
}

func (s *Server) ollamaPs(w http.ResponseWriter, _ *http.Request) error {
	list := []ollamaModel{}
	for _, name := range s.host.order {
		m := s.host.by[name]
		if m.loaded() == nil {
			continue
		}
		x := m.ollama()
		never := time.Now().AddDate(100, 0, 0)
		if m.h.s.cfg.KeepAlive > 0 {
			never = time.Now().Add(m.h.s.cfg.KeepAlive)
		}
		x.Expires, x.VRAM, x.Context = &never, new(int64), m.contextLength()
		list = append(list, x)
	}
	writeJSON(w, http.StatusOK, map[string]any{"models": list})
	return nil
}

func (s *Server) ollamaShow(w http.ResponseWriter, r *http.Request) error {
	f, err := s.readBody(w, r)
	if err != nil {
		return err
	}
	name := f.str("model", f.str("name", "", maxNameBytes), maxNameBytes)
	verbose := f.boolean("verbose", false)
	f.ignore("system", "template", "options")
	if err := f.done(); err != nil {
		return err
	}
	m, err := s.host.find(name)
	if err != nil {
		return err
	}
	info := map[string]any{"general.parameter_count": m.info.Parameters}
	for _, kv := range m.info.Metadata {
		if verbose || len(kv.Value) < 256 && !strings.HasPrefix(kv.Key, "tokenizer.ggml.") {
			info[kv.Key] = metaValue(kv)
		}
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"license": m.meta("general.license"), "modelfile": "", "parameters": "", "template": m.meta("tokenizer.chat_template"),
		"details": m.details(), "model_info": info, "capabilities": m.capabilities(), "modified_at": m.mtime,
	})
	return nil
}

// metaValue is a metadata entry as JSON: numbers and booleans as such.
func metaValue(kv kvasir.MetaEntry) any {
	var v any
	if kv.Type != "string" && !strings.HasSuffix(kv.Type, "[]") && json.Unmarshal([]byte(kv.Value), &v) == nil {
		return v
	}
	return strings.Trim(kv.Value, `"`)
}

// ollamaEmbed answers POST /api/embed.
func (s *Server) ollamaEmbed(w http.ResponseWriter, r *http.Request) error {
	f, err := s.readBody(w, r)
	if err != nil {
		return err
	}
	began := time.Now()
	name := f.str("model", "", maxNameBytes)
	input := f.get("input")
	dims := f.integer("dimensions", 0, 0, 1<<20)
	f.ignore("keep_alive", "truncate")
	ollamaHints(w, f.object("options"))
	m, err := s.ask(r, f, name)
	if err != nil {
		return err
	}
	defer m.release()
	if input != nil && input.kind == listNode && len(input.list) == 0 || input != nil && input.kind == stringNode && input.text == "" {
		writeJSON(w, http.StatusOK, map[string]any{"model": m.name, "embeddings": [][]float32{}})
		return nil
	}
	texts, err := embedInput(m, input)
	if err != nil {
		return err
	}
	load := time.Since(began)
	vs, tokens, err := s.embed(r, m, texts, "")
	if err != nil {
		return err
	}
	if dims > 0 && dims < len(vs[0]) {
		vs = shorten(vs, dims)
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"model": m.name, "embeddings": vs, "total_duration": time.Since(began).Nanoseconds(), "load_duration": load.Nanoseconds(), "prompt_eval_count": tokens,
	})
	return nil
}

// ollamaEmbeddings answers POST /api/embeddings, the older form.
func (s *Server) ollamaEmbeddings(w http.ResponseWriter, r *http.Request) error {
	f, err := s.readBody(w, r)
	if err != nil {
		return err
	}
	name := f.str("model", "", maxNameBytes)
	prompt := f.str("prompt", "", maxTextBytes)
	f.ignore("keep_alive")
	ollamaHints(w, f.object("options"))
	m, err := s.ask(r, f, name)
	if err != nil {
		return err
	}
	defer m.release()
	if prompt == "" {
		writeJSON(w, http.StatusOK, map[string]any{"embedding": []float32{}})
		return nil
	}
	vs, _, err := s.embed(r, m, []kvasir.Prompt{kvasir.Text(prompt)}, "")
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]any{"embedding": vs[0]})
	return nil
}
