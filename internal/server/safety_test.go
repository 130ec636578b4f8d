package server

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

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
		{chat, `{` + hello + `,"tool_choice":"required"}`, 400, "invalid_value", "tool_choice"},
		{chat, `{` + hello + `,"response_format":{"type":"xml"}}`, 400, "invalid_value", "response_format.type"},
		{chat, `{` + hello + `,"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{"type":"object","unevaluatedProperties":{"$dynamicRef":"#x"}}}}}`, 400, "unsupported_schema", ""},
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

// Computed prompts are met by their key alone; a salt narrows it further.
func TestPromptsAreReusedWithinAKey(t *testing.T) {
	dir := t.TempDir()
	var lines, secrets []string
	for _, name := range []string{"alice", "bob"} {
		secret, line, err := NewKey(name)
		require.NoError(t, err)
		lines, secrets = append(lines, line), append(secrets, secret)
	}
	path := filepath.Join(dir, "keys")
	require.NoError(t, os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600))
	keys, err := OpenKeyring(path)
	require.NoError(t, err)
	c := Config{Keys: keys}
	c.Options.PrefixBytes = 64 << 20
	s := newServer(t, c)
	cached := func(secret, more string) (float64, string) {
		body := `{"messages":[{"role":"user","content":"` + strings.Repeat("many words ", 12) + `"}],"temperature":0,"max_tokens":4` + more + `}`
		code, v, _ := call(t, s, "POST", "/v1/chat/completions", body, func(r *http.Request) { r.Header.Set("X-Api-Key", secret) })
		require.Equal(t, 200, code, v)
		return at(v, "usage.prompt_tokens_details.cached_tokens").(float64), at(v, "choices.0.message.content").(string)
	}
	n, text := cached(secrets[0], "")
	require.Zero(t, n)
	n, again := cached(secrets[0], "")
	require.Greater(t, n, 20.0)
	require.Equal(t, text, again)
	n, _ = cached(secrets[1], "")
	require.Zero(t, n, "another key")
	n, _ = cached(secrets[0], `,"cache_salt":"x"`)
	require.Zero(t, n, "another salt")
	n, _ = cached(secrets[1], "")
	require.Greater(t, n, 20.0)
}
