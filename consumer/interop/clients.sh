#!/usr/bin/env bash
# Installs a WebSocket client of another language if it isn't there, and prints what
# runs it: the folder of node's modules, or the Python interpreter.
#
#   ./clients.sh node      ws, from npm
#   ./clients.sh python    websockets, from PyPI
#   ./clients.sh all       both, side by side
#
# They are kept in the user's cache folder, or in CHANNELS_CLIENTS.
set -euo pipefail

ws=8.18.3
websockets=15.0.1
cache=${CHANNELS_CLIENTS:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/gochannels-clients}

# once NAME COMMAND: runs COMMAND with an empty folder, unless it did before. Another
# run may be doing the same.
once() {
	local folder=$cache/$1
	shift
	if [[ ! -f $folder/complete ]]; then
		mkdir -p "$cache"
		(
			flock 9
			[[ ! -f $folder/complete ]] || exit 0
			echo "clients.sh: making $folder" >&2
			rm -rf "$folder"
			mkdir "$folder"
			"$@" "$folder" >&2
			touch "$folder/complete"
		) 9>"$folder.lock"
	fi
}

install_ws() {
	npm install --prefix "$1" --no-audit --no-fund --no-update-notifier --ignore-scripts --silent "ws@$ws"
}

install_websockets() {
	python3 -m venv "$1"
	"$1/bin/python" -m pip install --quiet --disable-pip-version-check --no-input "websockets==$websockets"
}

node_client() {
	once "ws-$ws" install_ws
	echo "$cache/ws-$ws/node_modules"
}

python_client() {
	local version
	version=$(python3 -c 'import sys; print(sys.version, sys.executable)' | sha256sum | cut -c1-12)
	once "websockets-$websockets-$version" install_websockets
	echo "$cache/websockets-$websockets-$version/bin/python"
}

case ${1:-} in
node | python) "$1_client" ;;
all)
	node_client &
	node=$!
	python_client
	wait "$node"
	;;
*)
	echo 'clients.sh: node, python or all' >&2
	exit 1
	;;
esac
