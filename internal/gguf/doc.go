// Package gguf reads and writes GGUF, the container in which llama.cpp and its
// kin ship models: typed metadata, a directory of tensors, and their bytes.
//
//	magic "GGUF" | version u32 | n_tensors u64 | n_kv u64
//	kv[n_kv]              key str, type u32, value
//	tensor_info[n_tensors] name str, n_dims u32, ne u64[n_dims], type u32, offset u64
//	padding to general.alignment (32 by default)
//	data                  each tensor at a multiple of the alignment
//
// A str is a u64 length and that many bytes; an array value is an element type
// u32, a u64 count and the elements. Versions 2 and 3 are read, version 3 is
// written. The metadata of big-endian files can be read, their tensor data
// cannot: see [File.DataErr].
//
// Files come from strangers, so nothing in them is believed. Every length is
// compared with the bytes that are left before anything is allocated, parsing
// allocates less than four times the size of the file plus 1 MiB, and every
// tensor's bytes are proven to lie inside the file and apart from all others'.
// Errors name the file, the key or tensor, the number found and its limit.
package gguf
