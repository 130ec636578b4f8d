package tokenizer

// preTokenizer is how a byte-level BPE vocabulary cuts text into words, with what
// else its name in `tokenizer.ggml.pre` implies.
type preTokenizer struct {
	chain        []rule
	ignoreMerges bool // a word that is a token needs no merges
	addBOS       bool // unless the file says otherwise
	addSep       bool
	noBOS        bool // there is no default BOS id
	keepSpaces   bool // whole-text decoding leaves the spaces before punctuation alone
	raw          bool // merges work on UTF-8 with spaces as U+2581, not on mapped bytes
}

// The chains. Patterns stand beside the scanners.
var (
	gpt2Chain       = []rule{anchored(gpt2)}
	digitsGPT2Chain = []rule{anchored(singleNumbers), anchored(gpt2)}
	llama3Chain     = []rule{anchored(spacedWords{letter, 3}.match)}
	qwen2Chain      = []rule{anchored(spacedWords{letter, 1}.match)}
	qwen35Chain     = []rule{anchored(spacedWords{letter | mark, 1}.match)}
	o200kChain      = []rule{anchored(casedWords{true, 3}.match)}
	tekkenChain     = []rule{anchored(casedWords{false, 1}.match)}
	newlineChain    = []rule{lineRuns}
	poroChain       = []rule{anchored(poro)}
	vikingChain     = []rule{anchored(poro), anchored(singleNumbers)}

	// `[\p{P}$+<=>^~|]+` with the grave accent in the set, gpt2, `[0-9][0-9][0-9]`
	falconChain = []rule{runsOf(ofClass(punct, "$+<=>^~|`")), anchored(gpt2), anchored(digitTriples)}

	// `[\p{P}$+<=>^~|]+`, gpt2, `\p{N}+`, `[0-9][0-9][0-9]`
	defaultChain = []rule{
		runsOf(ofClass(punct, "$+<=>^~|")), anchored(gpt2), runsOf(ofClass(number, "")), anchored(digitTriples),
	}

	// `\p{N}{1,3}`, `[一-龥぀-ゟ゠-ヿ]+`, the main pattern
	deepseek3Chain = []rule{anchored(numberTriples), runsOf(ofRanges(deepseek3Ideographs)), anchored(deepseek3)}

	// `[\r\n]`, `\s?[letters]+`, `\s?[punctuation]+`, `\s+$`, `[ideographs]+`, `\p{N}+`
	deepseekLLMChain = []rule{
		anchored(singleBreak),
		anchored(afterSpace(ofRanges(deepseekLetters))),
		anchored(afterSpace(ofRanges(deepseekPunct))),
		trailingSpace,
		runsOf(ofRanges(deepseekIdeographs)),
		runsOf(ofClass(number, "")),
	}

	// `[\r\n]`, `\s?\p{L}+`, `\s?\p{P}+`, `[ideographs]+`, `\p{N}`
	deepseekCoderChain = []rule{
		anchored(singleBreak),
		anchored(afterSpace(ofClass(letter, ""))),
		anchored(afterSpace(ofClass(punct, ""))),
		runsOf(ofRanges(deepseekIdeographs)),
		anchored(singleNumbers),
	}
)

// singleBreak is `[\r\n]`.
func singleBreak(x text, i int) int { return x.runMax(i, newline, 1) }

// Rows that several names share.
var (
	gpt2Pre       = preTokenizer{chain: gpt2Chain}
	gpt2SepPre    = preTokenizer{chain: gpt2Chain, addSep: true}
	digitsGPT2Pre = preTokenizer{chain: digitsGPT2Chain}
	llama3Pre     = preTokenizer{chain: llama3Chain, ignoreMerges: true, addBOS: true}
	qwen2Pre      = preTokenizer{chain: qwen2Chain, keepSpaces: true}
	o200kPre      = preTokenizer{chain: o200kChain, keepSpaces: true}
	deepseek3Pre  = preTokenizer{chain: deepseek3Chain, keepSpaces: true}
)

// preTokenizers maps `tokenizer.ggml.pre` to its row.
var preTokenizers = map[string]preTokenizer{
	"default": {chain: defaultChain},

	"gpt-2": gpt2Pre, "phi-2": gpt2Pre, "mpt": gpt2Pre, "olmo": gpt2Pre, "jais": gpt2Pre, "gigachat": gpt2Pre,
	"mellum": gpt2Pre, "modern-bert": gpt2Pre, "jina-es": gpt2Pre, "jina-de": gpt2Pre, "jina-v2-es": gpt2Pre,
	"jina-v2-de": gpt2Pre, "a.x-4.0": gpt2Pre, "exaone4": gpt2Pre,
	"jina-v1-en": gpt2SepPre, "jina-v2-code": gpt2SepPre, "roberta-bpe": gpt2SepPre,
	"trillion":        {chain: gpt2Chain, keepSpaces: true},
	"granite-docling": {chain: gpt2Chain, keepSpaces: true},

	"smollm":    {chain: digitsGPT2Chain, keepSpaces: true},
	"command-r": {chain: digitsGPT2Chain, keepSpaces: true},
	"starcoder": digitsGPT2Pre, "refact": digitsGPT2Pre, "codeshell": digitsGPT2Pre, "exaone": digitsGPT2Pre,
	"minerva-7b": digitsGPT2Pre, "mellum2": digitsGPT2Pre,

	"llama-bpe": llama3Pre, "llama3": llama3Pre, "llama-v3": llama3Pre, "falcon3": llama3Pre, "falcon-h1": llama3Pre,
	"pixtral": llama3Pre, "midm-2.0": llama3Pre, "lfm2": llama3Pre, "jina-v5-nano": llama3Pre,
	"dbrx": {chain: llama3Chain}, "smaug-bpe": {chain: llama3Chain},
	"chatglm-bpe": {chain: llama3Chain, noBOS: true},
	"glm4":        {chain: llama3Chain, noBOS: true, ignoreMerges: true},
	"glm5":        {chain: llama3Chain, noBOS: true, ignoreMerges: true},

	"qwen2": qwen2Pre, "deepseek-r1-qwen": qwen2Pre, "hunyuan": qwen2Pre, "solar-open": qwen2Pre, "grok-2": qwen2Pre,
	"kormo": qwen2Pre, "f2llmv2": qwen2Pre,
	"stablelm2": {chain: qwen2Chain}, "megrez": {chain: qwen2Chain},
	"qwen35": {chain: qwen35Chain, keepSpaces: true},

	"gpt-4o": o200kPre, "llama4": o200kPre, "kanana2": o200kPre, "minimax-m2": o200kPre, "talkie": o200kPre,
	"tekken": {chain: tekkenChain, ignoreMerges: true, addBOS: true, keepSpaces: true},

	"deepseek-llm":   {chain: deepseekLLMChain, keepSpaces: true},
	"deepseek-coder": {chain: deepseekCoderChain, keepSpaces: true},
	"deepseek-v3":    deepseek3Pre, "hunyuan-dense": deepseek3Pre, "joyai-llm": deepseek3Pre, "hy_v4": deepseek3Pre,

	"falcon":    {chain: falconChain},
	"poro-chat": {chain: poroChain, keepSpaces: true}, "bloom": {chain: poroChain}, "gpt3-finnish": {chain: poroChain},
	"viking": {chain: vikingChain, keepSpaces: true},
	"gemma4": {chain: newlineChain, raw: true, addBOS: true},
}
