package server

import (
	"net/http"

	"kvasir"
)

// tokenize answers POST /tokenize: a text, or a conversation as its prompt.
func (s *Server) tokenize(w http.ResponseWriter, r *http.Request) error {
	f, err := s.readBody(w, r)
	if err != nil {
		return err
	}
	name := f.str("model", "", maxNameBytes)
	var text string
	var conversation kvasir.ChatRequest
	isChat := f.has("messages")
	if isChat {
		decodeTemplate(f, &conversation)
	} else {
		text = f.str("prompt", f.str("content", "", maxTextBytes), maxTextBytes)
	}
	special := f.boolean("add_special_tokens", f.boolean("add_special", true))
	parse := f.boolean("parse_special", true)
	pieces := f.boolean("with_pieces", false)
	m, err := s.ask(r, f, name)
	if err != nil {
		return err
	}
	defer m.release()
	var toks []int32
	if isChat {
		p, err := m.eng.ChatPrompt(conversation)
		if err != nil {
			return invalidValue("messages", "%s", err.Error())
		}
		if toks, err = m.eng.Tokenize(p); err != nil {
			return err
		}
	} else {
		toks = m.eng.Tokenizer().Encode(text, kvasir.EncodeOptions{AddSpecial: special, ParseSpecial: parse})
	}
	b := struct {
		Tokens []int32  `json:"tokens"`
		Count  int      `json:"count"`
		Max    int      `json:"max_model_len"`
		Pieces []string `json:"pieces,omitempty"`
	}{Tokens: append([]int32{}, toks...), Count: len(toks), Max: m.contextLength()}
	if pieces {
		for _, t := range toks {
			b.Pieces = append(b.Pieces, legacyPiece(m.eng.Tokenizer().Piece(t)))
		}
	}
	writeJSON(w, http.StatusOK, b)
	return nil
}

// detokenize answers POST /detokenize.
func (s *Server) detokenize(w http.ResponseWriter, r *http.Request) error {
	f, err := s.readBody(w, r)
	if err != nil {
		return err
	}
	name := f.str("model", "", maxNameBytes)
	n := f.get("tokens")
	m, err := s.ask(r, f, name)
	if err != nil {
		return err
	}
	defer m.release()
	if n == nil || n.kind != listNode {
		return invalidValue("tokens", "tokens must be a list of tokens")
	}
	text := ""
	if len(n.list) > 0 {
		toks, err := tokenList(m, "tokens", n)
		if err != nil {
			return err
		}
		text = m.eng.Tokenizer().Decode(toks, true)
	}
	writeJSON(w, http.StatusOK, struct {
		Prompt  string `json:"prompt"`
		Content string `json:"content"`
	}{text, text})
	return nil
}

// tokenizerInfo answers GET /tokenizer_info.
func (s *Server) tokenizerInfo(w http.ResponseWriter, r *http.Request) error {
	m, err := s.host.acquire(r.Context(), s.host.order[0])
	if err != nil {
		return err
	}
	defer m.release()
	t := m.eng.SpecialTokens()
	b := struct {
		Class    string  `json:"tokenizer_class"`
		EOS      string  `json:"eos_token"`
		BOS      *string `json:"bos_token"`
		Pad      *string `json:"pad_token"`
		Unknown  *string `json:"unk_token"`
		Template *string `json:"chat_template"`
		AddsBOS  bool    `json:"add_bos_token"`
		Max      int     `json:"model_max_length"`
	}{
		Class: m.meta("tokenizer.ggml.model"), EOS: t.EOS, BOS: orNull(t.BOS), Pad: orNull(t.Padding), Unknown: orNull(t.Unknown),
		AddsBOS: t.AddsBOS, Max: m.contextLength(),
	}
	if c, err := m.eng.ChatCaps(); err == nil {
		b.Template = &c.Template
	}
	writeJSON(w, http.StatusOK, b)
	return nil
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// applyTemplate answers POST /apply-template.
func (s *Server) applyTemplate(w http.ResponseWriter, r *http.Request) error {
	f, err := s.readBody(w, r)
	if err != nil {
		return err
	}
	name := f.str("model", "", maxNameBytes)
	var c kvasir.ChatRequest
	decodeTemplate(f, &c)
	m, err := s.ask(r, f, name)
	if err != nil {
		return err
	}
	defer m.release()
	p, err := m.eng.ChatPrompt(c)
	if err != nil {
		return invalidValue("messages", "%s", err.Error())
	}
	toks, err := m.eng.Tokenize(p)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, struct {
		Prompt string  `json:"prompt"`
		Tokens []int32 `json:"tokens"`
	}{p.String(), toks})
	return nil
}

// decodeTemplate reads what a chat template is given.
func decodeTemplate(f *fields, c *kvasir.ChatRequest) {
	c.Messages = messages(f)
	tools(f, c)
	templateVars(f, c)
	c.Open = !f.boolean("add_generation_prompt", true)
}
