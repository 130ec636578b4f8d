#!/bin/sh
# Makes the reference results of the small models anew:
#
#   model/testdata/reference.sh PROGRAM
#
# PROGRAM is called as PROGRAM MODEL ids IDSFILE OUT 0 4 1: evaluate the token
# ids in IDSFILE with llama.cpp (CPU, f32 cache, no flash attention) and write
# OUT as JSON {"positions":[{"nll":…,"top":[[id,log-probability],…4]},…],
# "mean_nll":…}, with a position for each id.
set -eu
program=$1
cd "$(dirname "$0")/../.."
KVASIR_REFERENCE=$(mktemp -d)
export KVASIR_REFERENCE
trap 'rm -rf "$KVASIR_REFERENCE"' EXIT
go test -count=1 ./model -run '^TestReference$' -update
for model in "$KVASIR_REFERENCE"/*.gguf; do
	base=${model%.gguf}
	"$program" "$model" ids "$base.ids" "$base.json" 0 4 1
done
go test -count=1 ./model -run '^TestReference$' -update
