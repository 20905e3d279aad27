#!/usr/bin/env bash
# Prints the Python interpreter of an environment that holds one version of
# channels_redis, with the Channels, Django and servers of its time, and makes that
# environment from PyPI if it isn't there.
#
#   ./venv.sh 4.3.0        one
#   ./venv.sh all          every version there are requirements for, a line each, side by side
#
# Environments are kept in the user's cache folder, or in CHANNELS_VENVS, and made
# anew when the requirements or the version of Python change. PYTHON names another
# interpreter than python3.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
cache=${CHANNELS_VENVS:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/gochannels-venvs}

# environment VERSION: makes the environment if need be.
environment() {
	local requirements=$here/python/requirements-$1.txt hash venv
	if [[ ! -f $requirements ]]; then
		echo "venv.sh: no requirements for channels_redis $1: $requirements" >&2
		return 1
	fi
	hash=$({
		"$python" -c 'import sys; print(sys.version, sys.executable)'
		cat "$requirements"
	} | sha256sum | cut -c1-12)
	venv=$cache/$1-$hash
	if [[ ! -f $venv/complete ]]; then
		mkdir -p "$cache"
		# Another run may be making the same one.
		(
			flock 9
			[[ ! -f $venv/complete ]] || exit 0
			echo "venv.sh: making $venv" >&2
			rm -rf "$venv"
			"$python" -m venv "$venv" >&2
			"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input -r "$requirements" >&2
			touch "$venv/complete"
		) 9>"$cache/$1.lock"
	fi
	echo "$venv/bin/python"
}

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
	echo "venv.sh: $python with venv and ensurepip is needed: apt-get install python3-venv" >&2
	exit 1
fi
if [[ ${1:-} == all ]]; then
	pids=()
	for file in "$here"/python/requirements-*.txt; do
		name=${file##*/requirements-}
		environment "${name%.txt}" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid"
	done
else
	environment "${1:?the version of channels_redis, or all}"
fi
