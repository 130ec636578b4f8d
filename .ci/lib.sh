# What the scripts of this folder share. Sourced, not run.

# Pinned tools. They are built from source into a folder that lives as long as the
# script, and never become part of go.mod.
staticcheck=honnef.co/go/tools/cmd/staticcheck@v0.8.2
golangci_lint=github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec </dev/null
export HOME=${HOME:-/root}
command -v go >/dev/null || export PATH=$PATH:/usr/local/go/bin
export CGO_ENABLED=0 GOFLAGS="${GOFLAGS:-} -buildvcs=false"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The whole run ends before this many seconds, whatever hangs.
budget=${CI_BUDGET_SECONDS:-3300}
failed=()

# step NAME COMMAND... runs one check within what is left of the budget. A failure is
# remembered and the next check runs all the same; finish reports them.
step() {
	local name=$1 start=$SECONDS status=0
	shift
	printf '\n=== %s\n' "$name"
	if ((SECONDS >= budget)); then
		echo "no time left for this step"
		status=1
	elif [[ $(type -t "$1") == function ]]; then
		"$@" || status=$?
	else
		timeout --kill-after=10 $((budget - SECONDS)) "$@" || status=$?
	fi
	if ((status != 0)); then
		failed+=("$name")
		printf -- '--- FAILED (status %d)' "$status"
	else
		printf -- '--- ok'
	fi
	printf ': %s, %d s\n' "$name" $((SECONDS - start))
}

# limited COMMAND... is for functions given to step: the rest of the budget bounds it.
limited() {
	local left=$((budget - SECONDS))
	timeout --kill-after=10 $((left > 1 ? left : 1)) "$@"
}

# retry COMMAND... tries three times, for what needs the network.
retry() {
	local try
	for try in 1 2 3; do
		limited "$@" && return
		((try == 3)) || sleep $((5 * try))
	done
	return 1
}

# install TOOL@VERSION builds a tool into the scratch folder.
install() { GOBIN=$scratch/bin retry go install "$1"; }

# repository says whether this is a git checkout; an unpacked archive has no diff.
repository() { git rev-parse --is-inside-work-tree >/dev/null 2>&1; }

# no_diff fails when a tracked file differs from what is committed or staged.
no_diff() {
	if ! repository; then
		echo "no git checkout: nothing to compare with"
		return
	fi
	git diff --exit-code
}

# The checkout may belong to another user than the one who runs the checks.
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0="$PWD"

# finish ends the script with the list of failed steps.
finish() {
	printf '\n%d s in all\n' "$SECONDS"
	if ((${#failed[@]} > 0)); then
		printf 'FAILED: %s\n' "${failed[@]}"
		exit 1
	fi
	echo "all checks passed"
}
