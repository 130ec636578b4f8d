package server

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

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

// Every request that is wrong says what is wrong, and where.
func TestErrors(t *testing.T) {
	s := newServer(t, Config{})
	chat, text := "/v1/chat/completions", "/v1/completions"
	deep := strings.Repeat("[", 65) + strings.Repeat("]", 65)
	for _, tc := range []struct {
		path, body  string
		status      int
		code, param string
	}{
		{chat, `{`, 400, "invalid_json", ""},
		{chat, `[]`, 400, "invalid_json", ""},
		{chat, `{} x`, 400, "invalid_json", ""},
		{chat, `{"a":` + deep + `}`, 400, "invalid_json", ""},
		{chat, "{\"model\":\"\xff\"}", 400, "invalid_json", ""},
		{chat, `{"model":"tiny","model":"tiny",` + hello + `}`, 400, "invalid_json", "model"},
		{chat, `{` + hello + `,"Temperature":1}`, 400, "unknown_field", "Temperature"},
		{chat, `{"messages":[{"role":"user","content":"x","extra":1}]}`, 400, "unknown_field", "messages[0].extra"},
		{chat, `{"messages":[]}`, 400, "invalid_value", "messages"},
		{chat, `{"messages":[{"role":"robot","content":"x"}]}`, 400, "invalid_value", "messages[0].role"},
		{chat, `{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}]}`, 400, "unsupported_field", "messages[0].content[0].type"},
		{chat, `{"messages":[{"role":"user","content":"x"}],"temperature":2.1}`, 400, "invalid_value", "temperature"},
		{chat, `{"messages":[{"role":"user","content":"x"}],"temperature":"1"}`, 400, "invalid_value", "temperature"},
		{chat, `{"messages":[{"role":"user","content":"x"}],"n":17}`, 400, "invalid_value", "n"},
		{chat, `{"messages":[{"role":"user","content":"x"}],"n":1.5}`, 400, "invalid_value", "n"},
		{chat, `{"messages":[{"role":"user","content":"x"}],"max_tokens":4,"max_completion_tokens":5}`, 400, "invalid_value", "max_tokens"},
		{chat, `{"messages":[{"role":"user","content":"x"}],"max_tokens":600}`, 400, "context_length_exceeded", "messages"},
		{chat, `{"messages":[{"role":"user","content":"` + strings.Repeat("xyz ", 400) + `"}]}`, 400, "context_length_exceeded", "messages"},
		{chat, `{` + hello + `,"tool_choice":"required"}`, 400, "unsupported_field", "tool_choice"},
		{chat, `{` + hello + `,"store":true}`, 400, "unsupported_field", "store"},
		{chat, `{` + hello + `,"audio":{}}`, 400, "unsupported_field", "audio"},
		{chat, `{` + hello + `,"kv":"nonsense"}`, 400, "", ""},
		{chat, `{` + hello + `,"logit_bias":{"x":1}}`, 400, "invalid_value", "logit_bias"},
		{chat, `{` + hello + `,"logit_bias":{"1":101}}`, 400, "invalid_value", "logit_bias.1"},
		{chat, `{` + hello + `,"stop":[""]}`, 400, "invalid_value", "stop[0]"},
		{chat, `{` + hello + `,"model":"other"}`, 404, "model_not_found", "model"},
		{text, `{"prompt":[]}`, 400, "invalid_value", "prompt"},
		{text, `{"prompt":[1,99999]}`, 400, "invalid_value", "prompt[1]"},
		{text, `{"prompt":"x","suffix":"y"}`, 400, "unsupported_field", "suffix"},
		{text, `{"prompt":"x","best_of":2}`, 400, "unsupported_field", "best_of"},
		{text, `{"prompt":"x","max_tokens":0}`, 400, "invalid_value", "max_tokens"},
		{"/v1/embeddings", `{"input":""}`, 400, "invalid_value", "input[0]"},
		{"/v1/embeddings", `{"input":"x","dimensions":8}`, 400, "invalid_value", "dimensions"},
	} {
		code, v, _ := call(t, s, "POST", tc.path, tc.body)
		require.Equal(t, tc.status, code, "%.80s: %v", tc.body, v)
		for _, k := range []string{"message", "type", "param", "code"} {
			require.Contains(t, v["error"], k)
		}
		if tc.code != "" {
			require.Equal(t, tc.code, at(v, "error.code"), "%.80s: %v", tc.body, v)
		}
		if tc.param != "" {
			require.Equal(t, tc.param, at(v, "error.param"), "%.80s: %v", tc.body, v)
		}
	}
	code, _, h := call(t, s, "GET", chat, "")
	require.Equal(t, 405, code)
	require.Equal(t, "POST", h.Get("Allow"))
	code, _, _ = call(t, s, "GET", "/nothing", "")
	require.Equal(t, 404, code)
	code, _, _ = call(t, s, "POST", chat, `{`+hello+`}`, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") })
	require.Equal(t, 415, code)
	code, _, _ = call(t, s, "POST", chat, `{"x":"`+strings.Repeat("x", maxBody)+`"}`)
	require.Equal(t, 413, code)
}

func TestHostAndOrigin(t *testing.T) {
	s := newServer(t, Config{Hosts: []string{"models.example"}, Origins: []string{"https://page.example"}})
	for i := range routes {
		rt := &routes[i]
		path := strings.NewReplacer("{$}", "", "{id...}", "x", "{file}", "app.js", "{digest}", "x").Replace(rt.path)
		code, _, _ := call(t, s, rt.method, path, "", func(r *http.Request) { r.Host = "evil.example:8080" })
		require.Equal(t, http.StatusMisdirectedRequest, code, rt.path)
		if rt.method != "GET" {
			code, _, _ = call(t, s, rt.method, path, "{}", func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") })
			require.Equal(t, 403, code, rt.path)
			code, _, _ = call(t, s, rt.method, path, "{}", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") })
			require.Equal(t, 403, code, rt.path)
		}
	}
	for _, host := range []string{"127.0.0.1:1", "[::1]:8080", "localhost", "models.example"} {
		code, _, _ := call(t, s, "GET", "/v1/models", "", func(r *http.Request) { r.Host = host })
		require.Equal(t, 200, code, host)
	}
	code, _, _ := call(t, s, "POST", "/tokenize", `{"prompt":"x"}`, func(r *http.Request) { r.Header.Set("Origin", "https://page.example") })
	require.Equal(t, 200, code)
	for addr, ok := range map[string]bool{"127.0.0.1:1": true, "localhost:1": true, "[::1]:1": true, "0.0.0.0:1": false, ":1": false, "10.1.2.3:1": false} {
		require.Equal(t, ok, CheckListen(addr, false, false) == nil, addr)
		require.NoError(t, CheckListen(addr, true, false))
		require.NoError(t, CheckListen(addr, false, true))
	}
}

func TestKeys(t *testing.T) {
	secret, line, err := NewKey("alice")
	require.NoError(t, err)
	_, other, err := NewKey("bob")
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, os.WriteFile(path, []byte("# keys\n"+line+" weight=2 class=1\n"+other+"\n"), 0o600))
	keys, err := OpenKeyring(path)
	require.NoError(t, err)
	s := newServer(t, Config{Keys: keys})
	auth := func(value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", value) }
	}
	for i := range routes {
		rt := &routes[i]
		path := strings.NewReplacer("{$}", "", "{id...}", "tiny", "{file}", "app.js", "{digest}", "x").Replace(rt.path)
		code, _, _ := call(t, s, rt.method, path, "")
		if rt.open {
			require.Equal(t, 200, code, rt.path)
			continue
		}
		require.Equal(t, 401, code, rt.path)
		code, _, _ = call(t, s, rt.method, path, "", auth("Bearer "+secret))
		require.NotEqual(t, 401, code, rt.path)
	}
	code, v, _ := call(t, s, "POST", "/v1/chat/completions", `{`+hello+`}`, func(r *http.Request) { r.Header.Set("X-Api-Key", secret) })
	require.Equal(t, 200, code, v)
	for range maxFailures {
		code, _, _ = call(t, s, "GET", "/v1/models", "", auth("Bearer wrong"))
		require.Equal(t, 401, code)
	}
	code, _, h := call(t, s, "GET", "/v1/models", "", auth("Bearer wrong"))
	require.Equal(t, 429, code)
	require.NotEmpty(t, h.Get("Retry-After"))
	if runtime.GOOS != "windows" {
		require.NoError(t, os.Chmod(path, 0o644))
		_, err = OpenKeyring(path)
		require.Error(t, err)
	}
	for _, bad := range []string{"", "x", "x 12", line + " weight=-1", line + " colour=3"} {
		_, err := parseKeys(strings.NewReader(bad))
		require.Error(t, err, bad)
	}
}

// Clients that leave at any moment free their place; nothing is left of them.
func TestClientsThatLeave(t *testing.T) {
	s := newServer(t, Config{MaxRunning: 4, MaxWaiting: 400, MaxPerKey: 400})
	url := listen(t, s)
	client := &http.Client{Transport: &http.Transport{MaxIdleConns: 1}}
	before := runtime.NumGoroutine()
	var wg sync.WaitGroup
	for i := range 150 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(1+i%40)*time.Millisecond)
			defer cancel()
			body := fmt.Sprintf(`{"messages":[{"role":"user","content":"%s"}],"ignore_eos":true,"stream":%v}`, strings.Repeat("word ", i%50), i%2 == 0)
			r, _ := http.NewRequestWithContext(ctx, "POST", url+"/v1/chat/completions", strings.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
			if resp, err := client.Do(r); err == nil {
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		})
	}
	wg.Wait()
	eng := s.host.by["tiny"].eng
	require.Eventually(t, func() bool {
		return eng.Stats().Sessions == 0 && eng.SchedulerStats().Running == 0 && s.running.Load() == 0
	}, 5*time.Second, time.Millisecond)
	client.CloseIdleConnections()
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+2 }, 5*time.Second, 10*time.Millisecond)
}

// A full queue is 429 with the time to wait.
func TestOverload(t *testing.T) {
	s := newServer(t, Config{MaxRunning: 1, MaxWaiting: 2})
	url := listen(t, s)
	codes := make(chan int, 40)
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			resp, err := http.Post(url+"/v1/chat/completions", "application/json", strings.NewReader(`{"messages":[{"role":"user","content":"hi"}],"ignore_eos":true,"max_tokens":300}`))
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			_, _ = io.Copy(io.Discard, resp.Body)
			if resp.StatusCode == 429 && (resp.Header.Get("Retry-After") == "" || resp.Header.Get("X-Should-Retry") != "true") {
				t.Error("429 without a time to wait")
			}
			codes <- resp.StatusCode
		})
	}
	wg.Wait()
	close(codes)
	count := map[int]int{}
	for c := range codes {
		count[c]++
	}
	require.Equal(t, 40, count[200]+count[429], count)
	require.GreaterOrEqual(t, count[200], 3)
}

// A server that drains finishes what runs and takes on nothing.
func TestDrain(t *testing.T) {
	s := newServer(t, Config{Drain: 50 * time.Millisecond})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()
	url := "http://" + l.Addr().String()
	eng := s.host.by["tiny"].eng
	_ = eng
	resp, err := http.Post(url+"/v1/chat/completions", "application/json", strings.NewReader(`{"messages":[{"role":"user","content":"hi"}],"ignore_eos":true,"stream":true,"n":8}`))
	require.NoError(t, err)
	stop()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	resp.Body.Close()
	require.True(t, bytes.Contains(body, []byte("[DONE]")) || bytes.Contains(body, []byte(`data: {"error":`)), "%.200s", body)
	require.NoError(t, <-served)
	code, _, _ := call(t, s, "POST", "/v1/chat/completions", `{`+hello+`}`)
	require.Equal(t, 503, code)
	code, v, _ := call(t, s, "GET", "/readyz", "")
	require.Equal(t, 503, code)
	require.Equal(t, "draining", v["status"])
}

// Nothing that users write is in the log.
func TestLogsHoldNoText(t *testing.T) {
	var b bytes.Buffer
	s := newServer(t, Config{Log: testLogger(&b)})
	call(t, s, "POST", "/v1/chat/completions", `{"messages":[{"role":"user","content":"canary-4711"}],"max_tokens":3}`)
	call(t, s, "POST", "/v1/chat/completions", `{"messages":[{"role":"user","content":"canary-4711"}],"max_tokens":"canary-4711"}`)
	call(t, s, "POST", "/v1/completions", `{"prompt":"canary-4711`)
	require.Contains(t, b.String(), "status=200")
	require.NotContains(t, b.String(), "canary")
}

// FuzzHandlers throws bodies at every route: there is always an answer, never
// status 500.
func FuzzHandlers(f *testing.F) {
	s := newServer(f, Config{MaxOutput: 4})
	var posts []string
	for i := range routes {
		if routes[i].method == "POST" {
			posts = append(posts, routes[i].path)
		}
	}
	for i, body := range []string{
		`{` + hello + `}`, `{"prompt":"x","echo":true,"logprobs":1,"max_tokens":0}`, `{"input":"x"}`, `{"input":["x"],"encoding_format":"base64"}`,
		`{"prompt":"x"}`, `{"tokens":[1]}`, `{"messages":[{"role":"assistant","tool_calls":[{"id":"1","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"1","content":"x"}],"tools":[{"type":"function","function":{"name":"f","parameters":{}}}]}`,
		`{"model":"tiny","prompt":"x","context":[1,2],"options":{"num_predict":2,"stop":["a"]}}`, `{"messages":[{"role":"user","content":null}],"n":16,"logit_bias":{"1":-100}}`,
		`{"kv":{"policy":"dense","budget":1},"messages":[{"role":"user","content":[{"type":"text","text":"x"}]}]}`, `{"temperature":1e999}`, `{"seed":-1,"prompt":[[1],[2]],"stream":true}`,
	} {
		f.Add(uint8(i), body)
	}
	f.Fuzz(func(t *testing.T, route uint8, body string) {
		path := posts[int(route)%len(posts)]
		code, v, _ := call(t, s, "POST", path, body)
		if code == 500 || code == 0 {
			t.Fatalf("%s %q: status %d %v", path, body, code, v)
		}
	})
}
