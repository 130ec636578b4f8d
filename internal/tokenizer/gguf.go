package tokenizer

import (
	"fmt"

	"kvasir/internal/gguf"
)

// New builds the tokenizer of a model file. It copies what it needs: the file may
// be closed afterwards. Errors wrap [ErrUnsupported], [ErrVocabulary] or the file's
// own (a key that is missing or of the wrong type).
func New(f *gguf.File) (*Tokenizer, error) {
	t, err := load(fileMetadata{f})
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	return t, nil
}

// fileMetadata is a GGUF file as metadata.
type fileMetadata struct{ *gguf.File }

func (m fileMetadata) Strings(key string) (stringList, error) {
	list, err := m.File.Strings(key)
	if err != nil {
		return nil, err
	}
	return list, nil
}
