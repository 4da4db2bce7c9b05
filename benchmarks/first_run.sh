#!/usr/bin/env bash
# How long a newcomer waits: a fresh clone of what is committed here, every cache empty, `make run`,
# to the first answer over HTTP. Prints the phases and the total; removes all that it made.
#   benchmarks/first_run.sh [QUESTION]      LIMIT=900 seconds at most
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
QUESTION=${1:-How many companies with Emirati participation operate in Kazakhstan?}
LIMIT=${LIMIT:-900}

WORK=$(mktemp -d)
LOG=$WORK/make.log
SERVER=
finish() {
    status=$?
    trap - EXIT
    if [ -n "$SERVER" ]; then
        kill -TERM -- "-$SERVER" 2>/dev/null || true # the group: make, its shell and the server
        for _ in 1 2 3 4 5 6 7 8 9 10; do
            kill -0 -- "-$SERVER" 2>/dev/null || break
            sleep 0.5
        done
        kill -KILL -- "-$SERVER" 2>/dev/null || true
    fi
    rm -rf "$WORK"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

now() { python3 -c 'import time; print(time.time())'; }
took() { python3 -c 'import sys; print(f"{float(sys.argv[2]) - float(sys.argv[1]):.1f}")' "$1" "$2"; }
row() { printf '| %-46s | %7s |\n' "$1" "$2"; }
give_up() {
    printf 'first_run: %s\n' "$1" >&2
    tail -n 20 "$LOG" >&2
    exit 1
}

# Waits until the command succeeds; gives up when make has stopped or the time is over.
wait_until() {
    what=$1
    shift
    until "$@" >/dev/null 2>&1; do
        kill -0 "$SERVER" 2>/dev/null || give_up "make run stopped before $what"
        [ "$SECONDS" -lt "$LIMIT" ] || give_up "no $what within $LIMIT seconds"
        sleep 0.2
    done
}

mkdir "$WORK/tmp"
export TMPDIR=$WORK/tmp XDG_CACHE_HOME=$WORK/cache SNOSKA_CACHE=$WORK/cache/snoska PIP_CACHE_DIR=$WORK/cache/pip HF_HOME=$WORK/cache/hf
PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export HOST=127.0.0.1 PORT
CLONE=$WORK/snoska

begun=$(now)
git clone --quiet "$ROOT" "$CLONE"
cloned=$(now)

set -m # a process group of its own for what runs in the background
make -C "$CLONE" run >"$LOG" 2>&1 </dev/null &
SERVER=$!
set +m

wait_until 'the end of the installation' test -e "$CLONE/.venv/.installed"
installed=$(now)
wait_until 'the page' python3 -c 'import sys, urllib.request
urllib.request.urlopen(sys.argv[1], timeout=2)' "http://$HOST:$PORT/"
page=$(now)

remaining=$((LIMIT - SECONDS))
[ "$remaining" -gt 0 ] || give_up "no answer within $LIMIT seconds"
timeout "$remaining" "$CLONE/.venv/bin/python" - "http://$HOST:$PORT/" "$QUESTION" >"$WORK/answer" 2>"$WORK/error" <<'PYTHON' \
    || { cat "$WORK/error" >&2; give_up 'the page gave no answer'; }
import sys

from gradio_client import Client

url, question = sys.argv[1:]
answer = Client(url, verbose=False).predict(question, api_name="/ask")
print(answer["answer"]["verdict"], answer["answer"]["text"], sep=": ")
PYTHON
answered=$(now)

row phase seconds
row ---------------------------------------------- ------:
row 'git clone' "$(took "$begun" "$cloned")"
row 'virtual environment and packages' "$(took "$cloned" "$installed")"
row 'page up' "$(took "$installed" "$page")"
row 'model made, index built, first answer' "$(took "$page" "$answered")"
row 'in all' "$(took "$begun" "$answered")"
printf '\n%s\n%s\n' "$QUESTION" "$(cat "$WORK/answer")"
