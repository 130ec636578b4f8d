package server

import (
	"net/http"
	"strings"
)

// route is one line of the table that the mux, the tests and the reference are
// made from.
type route struct {
	method, path string
	open         bool // needs no key
	ollama       bool // errors in Ollama's shape
	cheap        bool // answers also while draining
	doc          string
	handle       func(*Server, http.ResponseWriter, *http.Request) error
}

// routes are what the server answers.
var routes = []route{
	{method: "POST", path: "/v1/chat/completions", doc: "the answer to a conversation", handle: (*Server).chatCompletions},
	{method: "POST", path: "/v1/completions", doc: "continue a text; echo and logprobs score it", handle: (*Server).completions},
	{method: "POST", path: "/v1/responses", doc: "the answer to a conversation, stateless", handle: (*Server).responses},
	{method: "POST", path: "/v1/embeddings", doc: "vectors of texts", handle: (*Server).embeddings},
	{method: "GET", path: "/v1/models", cheap: true, doc: "the models", handle: (*Server).models},
	{method: "GET", path: "/v1/models/{id...}", cheap: true, doc: "one model", handle: (*Server).model},
	{method: "POST", path: "/tokenize", doc: "text to tokens", handle: (*Server).tokenize},
	{method: "POST", path: "/detokenize", doc: "tokens to text", handle: (*Server).detokenize},
	{method: "GET", path: "/tokenizer_info", doc: "special tokens and chat template", handle: (*Server).tokenizerInfo},
	{method: "GET", path: "/v1/tokenizer_info", doc: "the same", handle: (*Server).tokenizerInfo},
	{method: "POST", path: "/apply-template", doc: "a conversation as the prompt of the model", handle: (*Server).applyTemplate},

	{method: "GET", path: "/api/version", ollama: true, cheap: true, doc: "version of the API", handle: (*Server).ollamaVersion},
	{method: "GET", path: "/api/tags", ollama: true, cheap: true, doc: "the models", handle: (*Server).ollamaTags},
	{method: "GET", path: "/api/ps", ollama: true, cheap: true, doc: "the models in memory", handle: (*Server).ollamaPs},
	{method: "POST", path: "/api/show", ollama: true, doc: "one model", handle: (*Server).ollamaShow},
	{method: "POST", path: "/api/generate", ollama: true, doc: "continue a text or answer a question", handle: (*Server).ollamaGenerate},
	{method: "POST", path: "/api/chat", ollama: true, doc: "the answer to a conversation", handle: (*Server).ollamaChat},
	{method: "POST", path: "/api/embed", ollama: true, doc: "vectors of texts", handle: (*Server).ollamaEmbed},
	{method: "POST", path: "/api/embeddings", ollama: true, doc: "the vector of a text", handle: (*Server).ollamaEmbeddings},
	{method: "POST", path: "/api/pull", ollama: true, doc: "refused: infer pull does it", handle: (*Server).ollamaRefused},
	{method: "POST", path: "/api/create", ollama: true, doc: "refused", handle: (*Server).ollamaRefused},
	{method: "POST", path: "/api/copy", ollama: true, doc: "refused", handle: (*Server).ollamaRefused},
	{method: "POST", path: "/api/push", ollama: true, doc: "refused", handle: (*Server).ollamaRefused},
	{method: "DELETE", path: "/api/delete", ollama: true, doc: "refused: infer rm does it", handle: (*Server).ollamaRefused},
	{method: "POST", path: "/api/blobs/{digest}", ollama: true, doc: "refused", handle: (*Server).ollamaRefused},

	{method: "GET", path: "/livez", open: true, cheap: true, doc: "the process lives", handle: (*Server).livez},
	{method: "GET", path: "/readyz", open: true, cheap: true, doc: "requests are answered", handle: (*Server).readyz},
	{method: "GET", path: "/health", open: true, cheap: true, doc: "the same", handle: (*Server).readyz},
	{method: "GET", path: "/{$}", open: true, cheap: true, doc: "the page", handle: (*Server).page},
	{method: "GET", path: "/ui/{file}", open: true, cheap: true, doc: "files of the page", handle: (*Server).pageFile},
}

// Handler answers all routes.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	methods := map[string][]string{}
	for i := range routes {
		rt := &routes[i]
		mux.Handle(rt.method+" "+rt.path, s.handler(rt))
		methods[rt.path] = append(methods[rt.path], rt.method)
	}
	for path, ms := range methods {
		mux.Handle(path, s.handler(&route{path: path, open: true, cheap: true, ollama: strings.HasPrefix(path, "/api/"), handle: wrongMethod(strings.Join(ms, ", "))}))
	}
	mux.Handle("/", s.handler(&route{path: "/", open: true, cheap: true, handle: notFound}))
	return mux
}

func wrongMethod(allowed string) func(*Server, http.ResponseWriter, *http.Request) error {
	return func(_ *Server, w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Allow", allowed)
		return &apiError{status: http.StatusMethodNotAllowed, kind: kindInvalid, code: "method_not_allowed", message: r.Method + " is not allowed here: use " + allowed}
	}
}

func notFound(_ *Server, _ http.ResponseWriter, r *http.Request) error {
	return &apiError{status: http.StatusNotFound, kind: kindNotFound, code: "not_found", message: "there is no " + r.Method + " " + r.URL.Path}
}
