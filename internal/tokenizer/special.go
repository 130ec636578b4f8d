package tokenizer

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Special holds the ids of the tokens with a role, -1 where the model has none.
type Special struct {
	BOS, EOS      int32 // begin and end of a text; BOS is CLS for WPM
	EOT, EOM      int32 // end of a turn, of a message
	Unknown       int32
	Separator     int32
	Padding, Mask int32

	// Fill in the middle: before, after and at the gap; padding, repository and
	// file separators.
	FIMPrefix, FIMSuffix, FIMMiddle int32
	FIMPad, FIMRepo, FIMSep         int32
}

func noSpecial() Special {
	return Special{
		none, none, none, none, none, none, none, none,
		none, none, none, none, none, none,
	}
}

// readSpecial overrides the defaults in s with the ids in the metadata. An id that
// the vocabulary lacks leaves the default and a warning; a default that it lacks is
// no token.
func readSpecial(r *reader, s *Special, n int) (warnings []string) {
	for _, role := range []struct {
		key string
		id  *int32
	}{
		{"cls_token_id", &s.BOS}, {"bos_token_id", &s.BOS}, {"eos_token_id", &s.EOS},
		{"eot_token_id", &s.EOT}, {"eom_token_id", &s.EOM}, {"unknown_token_id", &s.Unknown},
		{"seperator_token_id", &s.Separator}, {"padding_token_id", &s.Padding}, {"mask_token_id", &s.Mask},
		{"prefix_token_id", &s.FIMPrefix}, {"suffix_token_id", &s.FIMSuffix}, {"middle_token_id", &s.FIMMiddle},
		{"fim_pre_token_id", &s.FIMPrefix}, {"fim_suf_token_id", &s.FIMSuffix}, {"fim_mid_token_id", &s.FIMMiddle},
		{"fim_pad_token_id", &s.FIMPad}, {"fim_rep_token_id", &s.FIMRepo}, {"fim_sep_token_id", &s.FIMSep},
	} {
		if *role.id >= int32(min(n, math.MaxInt32)) {
			*role.id = none
		}
		id, ok := r.uint(keyPrefix + role.key)
		switch {
		case !ok:
		case id >= uint64(n):
			warnings = append(warnings, fmt.Sprintf("%s is %d, but there are %d tokens: ignored", role.key, id, n))
		default:
			*role.id = int32(id)
		}
	}
	return warnings
}

// The texts by which a role is found when the metadata does not name it, the most
// specific first. What is found becomes a control token.
var (
	eotTexts = []string{
		"<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|end_of_text|>", "<|endoftext|>", "<EOT>", "_<EOT>", "[EOT]",
		"<｜end▁of▁sentence｜>", "<end_of_utterance>",
	}
	fimPrefixTexts = []string{
		"<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>", "<｜fim▁begin｜>", "<PRE>", "▁<PRE>", "<|code_prefix|>", "<|prefix|>",
	}
	fimSuffixTexts = []string{
		"<|fim_suffix|>", "<fim-suffix>", "<fim_suffix>", "<｜fim▁hole｜>", "<SUF>", "▁<SUF>", "<|code_suffix|>", "<|suffix|>",
	}
	fimMiddleTexts = []string{
		"<|fim_middle|>", "<fim-middle>", "<fim_middle>", "<｜fim▁end｜>", "<MID>", "▁<MID>", "<|code_middle|>", "<|middle|>",
	}
	fimPadTexts  = []string{"<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]"}
	fimRepoTexts = []string{"<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>"}

	// eogTexts end a generation whatever the metadata says.
	eogTexts = []string{
		"<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|calls|>", "<|flush|>", "<end_of_turn>",
		"<|endoftext|>", "</s>", "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]", "<|end_of_text|>", "<end_of_utterance>",
		"<eos>", "<turn|>", "<|tool_response>", "<｜end▁of▁sentence｜>", "[e~[",
	}

	// harmonyTexts structure the output of gpt-oss, which must stay visible.
	harmonyTexts = []string{"<|channel|>", "<|message|>", "<|start|>", "<|constrain|>"}
)

// findRoles fills in roles that the metadata leaves open by the texts of tokens.
func (v *vocabulary) findRoles(s *Special) {
	for _, role := range []struct {
		id    *int32
		texts []string
	}{
		{&s.EOT, eotTexts}, {&s.EOM, []string{"<|eom_id|>"}},
		{&s.FIMPrefix, fimPrefixTexts}, {&s.FIMSuffix, fimSuffixTexts}, {&s.FIMMiddle, fimMiddleTexts},
		{&s.FIMPad, fimPadTexts}, {&s.FIMRepo, fimRepoTexts}, {&s.FIMSep, []string{"<|file_sep|>"}},
	} {
		for _, text := range role.texts {
			if *role.id != none {
				break
			}
			if id := v.find([]byte(text)); id != none {
				*role.id = id
				v.types[id] = Control
			}
		}
	}
}

// endOfGeneration returns the ids that end a generation, sorted, and gives the
// tokens concerned the types that go with it.
func (v *vocabulary) endOfGeneration(s *Special) []int32 {
	set := map[int32]bool{}
	for _, id := range []int32{s.FIMPad, s.FIMRepo, s.FIMSep} {
		set[id] = true
	}
	for _, text := range eogTexts {
		if id := v.find([]byte(text)); id != none {
			set[id] = true
			v.types[id] = Control
		}
	}
	for _, text := range harmonyTexts {
		if id := v.find([]byte(text)); id != none {
			v.types[id] = UserDefined
		}
	}
	for _, id := range []int32{s.EOS, s.EOT, s.EOM} {
		set[id] = true
	}
	v.exemptFromEOG(set)
	delete(set, none)
	ids := make([]int32, 0, len(set))
	for id := range set {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// exemptFromEOG takes out tokens that end a turn in other models only.
func (v *vocabulary) exemptFromEOG(set map[int32]bool) {
	has := func(text string) bool { id := v.find([]byte(text)); return id != none && set[id] }
	drop := func(text string, t TokenType) {
		if id := v.find([]byte(text)); id != none && set[id] {
			delete(set, id)
			v.types[id] = t
		}
	}
	call := has("<|call|>") || has("<|calls|>")
	if call && (has("<|return|>") || has("<|flush|>")) {
		drop("<|end|>", UserDefined)
	}
	if has("<|tool_response>") || has("<|plamo:eos|>") {
		drop("</s>", Normal)
	}
}

// strips says on which sides special tokens eat the white space beside them. GGUF
// has no field for it, so it goes by the names of the models that need it.
func (v *vocabulary) strips(name, arch, pre string) (left, right map[int32]bool) {
	left, right = map[int32]bool{}, map[int32]bool{}
	name = strings.ToLower(name)
	mask := ""
	switch {
	case strings.Contains(pre, "jina-v2-de"), strings.Contains(pre, "jina-v2-es"), strings.Contains(pre, "jina-v2-code"),
		strings.Contains(arch, "nomic-bert-moe"), strings.Contains(arch, "jina-bert-v3"):
		mask = "<mask>"
	case strings.Contains(name, "phi-3"), strings.Contains(name, "phi3"):
		for id := range int32(v.size()) {
			if v.isSpecial(id) {
				right[id] = true
			}
		}
		for _, text := range []string{"<unk>", "<s>", "<|endoftext|>"} {
			delete(right, v.find([]byte(text)))
		}
		if id := v.find([]byte("</s>")); id != none {
			right[id] = true
		}
	case strings.Contains(name, "modern-bert"):
		mask = "[MASK]"
	}
	if id := v.find([]byte(mask)); id != none {
		left[id] = true
	}
	return left, right
}

// isSpecial reports whether texts are cut at token id before anything else.
func (v *vocabulary) isSpecial(id int32) bool {
	switch v.types[id] {
	case Control, Unknown, UserDefined:
		return true
	}
	return false
}
