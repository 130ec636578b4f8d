package server

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kvasir"
	"kvasir/internal/tinymodel"
)

// tinyPath writes a small model.
func tinyPath(t testing.TB, s tinymodel.Spec) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tiny.gguf")
	require.NoError(t, tinymodel.Write(path, s))
	return path
}

// newServer returns a server with a small model called tiny.
func newServer(t testing.TB, c Config) *Server {
	t.Helper()
	if c.Models == nil {
		c.Models = []ModelSpec{{Path: tinyPath(t, tinymodel.Spec{Arch: "qwen2", Text: true, Context: 512})}}
	}
	c.Version = "test"
	s, err := New(c)
	require.NoError(t, err)
	require.NoError(t, s.Load(context.Background()))
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// listen serves s on a real connection.
func listen(t testing.TB, s *Server) string {
	t.Helper()
	hs := httptest.NewServer(s.Handler())
	t.Cleanup(hs.Close)
	return hs.URL
}

// call makes one request without a connection and returns the decoded answer.
func call(t testing.TB, s *Server, method, path, body string, change ...func(*http.Request)) (int, map[string]any, http.Header) {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = "localhost:8080"
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	var v map[string]any
	_ = json.Unmarshal(w.Body.Bytes(), &v) // pages and streams are no JSON
	return w.Code, v, w.Header()
}

// at follows a path such as "choices.0.message.content".
func at(v any, path string) any {
	for _, k := range strings.Split(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[k]
		case []any:
			i := 0
			fmt.Sscan(k, &i)
			if i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}

// events splits a stream of events into their data.
func events(t testing.TB, s *Server, path, body string) (out []map[string]any, ended bool) {
	t.Helper()
	r := httptest.NewRequest("POST", path, strings.NewReader(body))
	r.Host = "localhost"
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	require.Equal(t, 200, w.Code, w.Body.String())
	lines := bufio.NewScanner(w.Body)
	for lines.Scan() {
		text, ok := strings.CutPrefix(lines.Text(), "data: ")
		if strings.HasPrefix(path, "/api/") {
			text, ok = lines.Text(), true
		}
		if !ok {
			continue
		}
		if text == "[DONE]" {
			ended = true
			continue
		}
		var v map[string]any
		require.NoError(t, json.Unmarshal([]byte(text), &v), text)
		out = append(out, v)
	}
	return out, ended
}

const hello = `"messages":[{"role":"user","content":"hello"}],"temperature":0,"max_tokens":8`

func TestChatCompletion(t *testing.T) {
	s := newServer(t, Config{})
	code, v, h := call(t, s, "POST", "/v1/chat/completions", `{"model":"tiny",`+hello+`,"logprobs":true,"top_logprobs":2}`)
	require.Equal(t, 200, code, v)
	require.NotEmpty(t, h.Get("X-Request-Id"))
	text := at(v, "choices.0.message.content").(string)
	require.NotEmpty(t, text)
	require.Contains(t, []any{"stop", "length"}, at(v, "choices.0.finish_reason"))
	n := at(v, "usage.completion_tokens").(float64)
	require.Len(t, at(v, "choices.0.logprobs.content"), int(n))
	require.Len(t, at(v, "choices.0.logprobs.content.0.top_logprobs"), 2)
	require.Equal(t, at(v, "usage.total_tokens"), at(v, "usage.prompt_tokens").(float64)+n)

	stream, ended := events(t, s, "/v1/chat/completions", `{"model":"tiny",`+hello+`,"stream":true,"stream_options":{"include_usage":true}}`)
	require.True(t, ended)
	got := ""
	for _, e := range stream[:len(stream)-1] {
		if d, ok := at(e, "choices.0.delta.content").(string); ok {
			got += d
		}
		require.Nil(t, e["usage"])
	}
	require.Equal(t, text, got)
	require.Equal(t, "assistant", at(stream[0], "choices.0.delta.role"))
	last := stream[len(stream)-1]
	require.Empty(t, last["choices"])
	require.Equal(t, n, at(last, "usage.completion_tokens"))
	require.NotNil(t, at(stream[len(stream)-2], "choices.0.finish_reason"))
}

func TestChoicesSeedsAndStops(t *testing.T) {
	s := newServer(t, Config{})
	body := `{"messages":[{"role":"user","content":"hello"}],"temperature":2,"max_tokens":12,"seed":7,"n":3}`
	_, a, _ := call(t, s, "POST", "/v1/chat/completions", body)
	_, b, _ := call(t, s, "POST", "/v1/chat/completions", body)
	require.Len(t, a["choices"], 3)
	require.Equal(t, a["choices"], b["choices"])
	require.Equal(t, 7.0, at(a, "usage.seed"))
	_, one, _ := call(t, s, "POST", "/v1/chat/completions", strings.Replace(body, `,"n":3`, "", 1))
	require.Equal(t, at(a, "choices.0"), at(one, "choices.0"))

	_, v, _ := call(t, s, "POST", "/v1/chat/completions", `{`+hello+`}`)
	text := at(v, "choices.0.message.content").(string)
	stop := text[len(text)/2:]
	stop = stop[:min(2, len(stop))]
	js, _ := json.Marshal(stop)
	_, v, _ = call(t, s, "POST", "/v1/chat/completions", `{`+hello+`,"stop":[`+string(js)+`]}`)
	require.Equal(t, text[:strings.Index(text, stop)], at(v, "choices.0.message.content"))
	require.Equal(t, "stop", at(v, "choices.0.finish_reason"))

	_, v, _ = call(t, s, "POST", "/v1/completions", `{"prompt":"a","temperature":0,"max_tokens":3,"logit_bias":{"70":100},"logprobs":0}`)
	for i := range 3 {
		require.Equal(t, "F", at(v, fmt.Sprint("choices.0.logprobs.tokens.", i)), v)
	}
}

// The legacy route scores prompts in the shape that evaluation harnesses read.
func TestEchoAndLogprobs(t *testing.T) {
	s := newServer(t, Config{})
	eng := s.host.by["tiny"].eng
	ids := eng.Tokenizer().Encode("the quick brown fox", kvasir.EncodeOptions{})
	want, err := eng.Score(context.Background(), ids, 1)
	require.NoError(t, err)
	js, _ := json.Marshal(ids)
	for _, max := range []int{0, 1} {
		body := fmt.Sprintf(`{"model":"tiny","prompt":[%s,[1,2,3]],"temperature":0,"max_tokens":%d,"logprobs":1,"seed":1234,"echo":true}`, js, max)
		code, v, _ := call(t, s, "POST", "/v1/completions", body)
		require.Equal(t, 200, code, v)
		require.Equal(t, 1.0, at(v, "choices.1.index"))
		l := at(v, "choices.0.logprobs")
		for _, name := range []string{"tokens", "token_logprobs", "top_logprobs", "text_offset"} {
			require.Len(t, at(l, name), len(ids)+max, name)
		}
		require.Nil(t, at(l, "token_logprobs.0"))
		require.Nil(t, at(l, "top_logprobs.0"))
		for i := 1; i < len(ids); i++ {
			require.Equal(t, want[i].Logprob, at(l, fmt.Sprint("token_logprobs.", i)), "to the bit")
			best := at(l, fmt.Sprint("top_logprobs.", i)).(map[string]any)
			require.Contains(t, []any{want[i].Top[0].Logprob}, maxOf(best))
		}
	}
	_, v, _ := call(t, s, "POST", "/v1/completions", `{"prompt":"the quick","max_tokens":4,"temperature":0,"echo":true}`)
	require.True(t, strings.HasPrefix(at(v, "choices.0.text").(string), "the quick"))
	stream, ended := events(t, s, "/v1/completions", `{"prompt":"the quick","max_tokens":4,"temperature":0,"echo":true,"stream":true,"logprobs":1}`)
	require.True(t, ended)
	text := ""
	for _, e := range stream {
		text += at(e, "choices.0.text").(string)
	}
	require.Equal(t, at(v, "choices.0.text"), text)
}

func maxOf(m map[string]any) any {
	var best any
	for _, v := range m {
		if best == nil || v.(float64) > best.(float64) {
			best = v
		}
	}
	return best
}

func TestOtherRoutes(t *testing.T) {
	s := newServer(t, Config{})
	_, v, _ := call(t, s, "GET", "/v1/models", "")
	require.Equal(t, "tiny", at(v, "data.0.id"))
	require.Equal(t, 512.0, at(v, "data.0.meta.context_length"))
	_, v, _ = call(t, s, "POST", "/tokenize", `{"prompt":"the quick","add_special_tokens":false,"with_pieces":true}`)
	js, _ := json.Marshal(v["tokens"])
	require.Len(t, v["pieces"], int(v["count"].(float64)))
	_, v, _ = call(t, s, "POST", "/detokenize", `{"tokens":`+string(js)+`}`)
	require.Equal(t, "the quick", v["prompt"])
	_, v, _ = call(t, s, "GET", "/tokenizer_info", "")
	require.NotEmpty(t, v["eos_token"])
	_, v, _ = call(t, s, "POST", "/apply-template", `{"messages":[{"role":"user","content":"hi"}]}`)
	require.Contains(t, v["prompt"], "<|im_start|>user\nhi")
	_, v, _ = call(t, s, "POST", "/v1/embeddings", `{"input":["a b","c"]}`)
	require.Len(t, v["data"], 2)
	floats := at(v, "data.0.embedding").([]any)
	_, v, _ = call(t, s, "POST", "/v1/embeddings", `{"input":"a b","encoding_format":"base64"}`)
	require.Len(t, at(v, "data.0.embedding"), (len(floats)*4+2)/3*4)
	for _, path := range []string{"/livez", "/readyz", "/health"} {
		code, _, _ := call(t, s, "GET", path, "")
		require.Equal(t, 200, code)
	}
	code, _, h := call(t, s, "GET", "/", "", func(r *http.Request) { r.Header.Set("Accept", "text/html") })
	require.Equal(t, 200, code)
	require.Contains(t, h.Get("Content-Security-Policy"), "default-src 'none'")
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/metrics", nil)
	r.Host = "localhost"
	s.Admin().ServeHTTP(w, r)
	require.Contains(t, w.Body.String(), "infer_requests_total")
	require.Contains(t, w.Body.String(), "infer_panics_total 0")
}

func TestResponses(t *testing.T) {
	s := newServer(t, Config{})
	body := `{"model":"tiny","input":"hello","temperature":0,"max_output_tokens":6,"instructions":"be brief"}`
	code, v, _ := call(t, s, "POST", "/v1/responses", body)
	require.Equal(t, 200, code, v)
	text := at(v, "output.0.content.0.text").(string)
	require.NotEmpty(t, text)
	stream, ended := events(t, s, "/v1/responses", strings.TrimSuffix(body, "}")+`,"stream":true}`)
	require.False(t, ended)
	got := ""
	for i, e := range stream {
		require.Equal(t, float64(i), e["sequence_number"])
		if e["type"] == "response.output_text.delta" {
			got += e["delta"].(string)
		}
	}
	require.Equal(t, text, got)
	require.Equal(t, "response.created", stream[0]["type"])
	require.Contains(t, []any{"response.completed", "response.incomplete"}, stream[len(stream)-1]["type"])
	code, v, _ = call(t, s, "POST", "/v1/responses", `{"input":"x","previous_response_id":"resp_1"}`)
	require.Equal(t, 400, code)
	require.Equal(t, "previous_response_id", at(v, "error.param"))
}

func TestOllamaRoutes(t *testing.T) {
	s := newServer(t, Config{})
	_, v, _ := call(t, s, "GET", "/api/tags", "")
	require.Equal(t, "tiny", at(v, "models.0.name"))
	require.Len(t, at(v, "models.0.digest"), 64)
	_, v, _ = call(t, s, "POST", "/api/show", `{"model":"tiny:latest"}`)
	require.Equal(t, "qwen2", at(v, "details.family"))
	lines, _ := events(t, s, "/api/chat", `{"model":"tiny","messages":[{"role":"user","content":"hello"}],"options":{"temperature":0,"num_predict":8,"num_gpu":1},"format":""}`)
	text := ""
	for _, l := range lines {
		text += at(l, "message.content").(string)
	}
	last := lines[len(lines)-1]
	require.Equal(t, true, last["done"])
	_, v, h := call(t, s, "POST", "/api/chat", `{"model":"tiny","messages":[{"role":"user","content":"hello"}],"options":{"temperature":0,"num_predict":8,"num_gpu":1},"stream":false}`)
	require.Equal(t, text, at(v, "message.content"))
	require.Contains(t, h.Get("Warning"), "num_gpu")
	_, v, _ = call(t, s, "POST", "/api/generate", `{"model":"tiny","prompt":"hello","stream":false,"options":{"num_predict":3}}`)
	require.NotEmpty(t, v["context"])
	_, v, _ = call(t, s, "POST", "/api/generate", `{"model":"tiny"}`)
	require.Equal(t, "load", v["done_reason"])
	_, v, _ = call(t, s, "POST", "/api/embed", `{"model":"tiny","input":["a","b"]}`)
	require.Len(t, v["embeddings"], 2)
	_, v, _ = call(t, s, "POST", "/api/embeddings", `{"model":"tiny","prompt":"a"}`)
	require.NotEmpty(t, v["embedding"])
	code, v, _ := call(t, s, "POST", "/api/chat", `{"model":"nope","messages":[]}`)
	require.Equal(t, 404, code)
	require.IsType(t, "", v["error"])
	code, _, _ = call(t, s, "POST", "/api/pull", `{"model":"x"}`)
	require.Equal(t, 403, code)
}

const toolList = `"tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object","properties":{"city":{"enum":["oslo","rome"]}},"required":["city"],"additionalProperties":false}}}]`

// A schema is enforced, and so is a call that is demanded.
func TestEnforcedForms(t *testing.T) {
	s := newServer(t, Config{Models: []ModelSpec{{Name: "tiny", Path: tinyPath(t, tinymodel.Spec{Arch: "qwen2", Text: true, Context: 2048})}}})
	form := `"response_format":{"type":"json_schema","json_schema":{"name":"x","strict":true,"schema":{"type":"object","properties":{"a":{"type":"boolean"}},"required":["a"],"additionalProperties":false}}}`
	code, v, _ := call(t, s, "POST", "/v1/chat/completions", `{"messages":[{"role":"user","content":"hi"}],"max_tokens":64,`+form+`}`)
	require.Equal(t, 200, code, v)
	var got map[string]bool
	require.NoError(t, json.Unmarshal([]byte(at(v, "choices.0.message.content").(string)), &got), v)
	require.Contains(t, got, "a")

	for _, choice := range []string{`"required"`, `{"type":"function","function":{"name":"weather"}}`} {
		body := `{"messages":[{"role":"user","content":"hi"}],"max_tokens":200,"temperature":0,` + toolList + `,"tool_choice":` + choice
		code, v, _ = call(t, s, "POST", "/v1/chat/completions", body+`}`)
		require.Equal(t, 200, code, v)
		require.Equal(t, "tool_calls", at(v, "choices.0.finish_reason"), v)
		require.Nil(t, at(v, "choices.0.message.content"))
		args := at(v, "choices.0.message.tool_calls.0.function.arguments").(string)
		require.True(t, json.Valid([]byte(args)), args)
		stream, _ := events(t, s, "/v1/chat/completions", body+`,"stream":true}`)
		parts, name := "", ""
		for _, e := range stream {
			if n, ok := at(e, "choices.0.delta.tool_calls.0.function.name").(string); ok {
				name += n
			}
			if a, ok := at(e, "choices.0.delta.tool_calls.0.function.arguments").(string); ok {
				parts += a
			}
		}
		require.Equal(t, "weather", name)
		require.Equal(t, args, parts)
	}
	_, v, _ = call(t, s, "POST", "/api/chat", `{"model":"tiny","messages":[{"role":"user","content":"hi"}],"stream":false,"options":{"num_predict":64},"format":{"enum":["yes","no"]}}`)
	require.Contains(t, []any{`"yes"`, `"no"`}, at(v, "message.content"), v)
	_, v, _ = call(t, s, "POST", "/v1/completions", `{"prompt":"x","max_tokens":30,"guided_choice":["north","south"]}`)
	require.Contains(t, []any{"north", "south"}, at(v, "choices.0.text"), v)
}
