package server

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"net/http"

	"kvasir"
)

const maxTexts = 2048

// embedInput reads a string, strings, tokens or lists of tokens.
func embedInput(m *served, n *node) ([]kvasir.Prompt, error) {
	switch {
	case n == nil:
		return nil, invalidValue("input", "input is required")
	case n.kind == stringNode:
		n = &node{kind: listNode, list: []*node{n}}
	case n.kind != listNode || len(n.list) == 0:
		return nil, invalidValue("input", "input must be a string, a list of strings or tokens, or a list of lists of tokens")
	case n.list[0].kind == numberNode:
		n = &node{kind: listNode, list: []*node{n}}
	case len(n.list) > maxTexts:
		return nil, invalidValue("input", "input has %d entries, the limit is %d", len(n.list), maxTexts)
	}
	var out []kvasir.Prompt
	for i, v := range n.list {
		path := fmt.Sprintf("input[%d]", i)
		switch v.kind {
		case stringNode:
			if v.text == "" {
				return nil, invalidValue(path, "%s is empty", path)
			}
			out = append(out, kvasir.Text(v.text))
		case listNode:
			toks, err := tokenList(m, path, v)
			if err != nil {
				return nil, err
			}
			out = append(out, kvasir.Prompt{Tokens: toks})
		default:
			return nil, invalidValue(path, "%s must be a string or a list of tokens, not %s", path, v.kind)
		}
	}
	return out, nil
}

// embed computes vectors, at most some texts of all requests at a time.
func (s *Server) embed(r *http.Request, m *served, texts []kvasir.Prompt, pool kvasir.Pooling) ([][]float32, int, error) {
	select {
	case s.embedSlots <- struct{}{}:
		defer func() { <-s.embedSlots }()
	case <-r.Context().Done():
		return nil, 0, r.Context().Err()
	}
	if pool == "" {
		pool = m.pooling()
	}
	x := infoOf(r)
	v, n, err := m.eng.Embed(r.Context(), texts, kvasir.EmbedOptions{Pooling: pool})
	x.model, x.prompt = m.name, n
	return v, n, err
}

// pooling is what the model was made for; the last token for those that
// generate.
func (m *served) pooling() kvasir.Pooling {
	switch m.meta(m.info.Architecture + ".pooling_type") {
	case "1":
		return kvasir.PoolMean
	case "2":
		return kvasir.PoolCLS
	}
	return kvasir.PoolLast
}

// shorten cuts vectors and gives them length 1 again.
func shorten(vs [][]float32, n int) [][]float32 {
	for i, v := range vs {
		norm := 0.0
		for _, x := range v[:n] {
			norm += float64(x) * float64(x)
		}
		if norm > 0 {
			for j := range n {
				v[j] = float32(float64(v[j]) / math.Sqrt(norm))
			}
		}
		vs[i] = v[:n]
	}
	return vs
}

type embeddingBody struct {
	Object    string `json:"object"`
	Index     int    `json:"index"`
	Embedding any    `json:"embedding"`
}

type embeddingsBody struct {
	Object string          `json:"object"`
	Data   []embeddingBody `json:"data"`
	Model  string          `json:"model"`
	Usage  struct {
		PromptTokens int `json:"prompt_tokens"`
		TotalTokens  int `json:"total_tokens"`
	} `json:"usage"`
}

func embeddingsAnswer(model string, vs [][]float32, tokens int, packed bool) *embeddingsBody {
	b := &embeddingsBody{Object: "list", Model: model, Data: []embeddingBody{}}
	for i, v := range vs {
		e := embeddingBody{Object: "embedding", Index: i, Embedding: v}
		if packed {
			e.Embedding = packFloats(v)
		}
		b.Data = append(b.Data, e)
	}
	b.Usage.PromptTokens, b.Usage.TotalTokens = tokens, tokens
	return b
}

// packFloats is the base64 of little-endian float32.
func packFloats(v []float32) string {
	raw := make([]byte, 0, 4*len(v))
	for _, x := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	return base64.StdEncoding.EncodeToString(raw)
}
