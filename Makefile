# Shortcuts; the work is done by the go command and the scripts in .ci.
.PHONY: build test short check bench fuzz generate ci

build:
	CGO_ENABLED=0 go build -o bin/ ./cmd/infer

test:
	go test ./...

short:
	go test -short ./...

# Linters, vet for all kinds of targets, generated files: ends in "no diff".
check:
	.ci/check

bench:
	go test -run '^$$' -bench . ./kernels ./quant ./attention ./kvcache ./sampler

# Every fuzz target for FUZZ_SECONDS.
FUZZ_SECONDS ?= 30
fuzz:
	.ci/fuzz $(FUZZ_SECONDS)

generate:
	go generate ./...

# All that has to pass before a merge; about half an hour on two cores.
ci:
	.ci/run
