// Package mmap holds the memory that the Go heap does not own: read-only file
// mappings ([Open]) and anonymous zeroed blocks ([Alloc]). Neither is scanned by
// the garbage collector nor counted by its pacer, so a model of several
// gigabytes does not make the heap grow to twice that.
//
// The operating system is behind five small functions, one file per family
// (map_unix.go, map_windows.go, map_other.go). Where mappings do not exist,
// files are read into memory and the advice has no effect.
package mmap
