// Package bench holds end-to-end benchmarks for `go test -bench`. Micro-benchmarks
// lie beside the code that they measure. Commands that compare with another engine
// and draw charts are in the folders below; README.md says which tool answers which
// question.
package bench
