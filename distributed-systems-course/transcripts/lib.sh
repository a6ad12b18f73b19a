# What the transcripts share: say a command as a reader would type it, run it, show what it says.
examples=$(cd ../examples && pwd)
data=$(mktemp -d)
queue=
export PYTHONUNBUFFERED=1 DATA=$data/data PORT=21377 ADMIN=21378

finish() {
    if [ -n "$queue" ]; then kill -9 "$queue" 2>/dev/null || true; fi
    rm -rf "$data"
}
trap finish EXIT

show() { printf '$ %s\n' "$1"; } # a command, without running it
run() { show "$1"; eval "${2:-$1}" 2>&1; }

# In the background, until it listens; shown as the reader starts it.
start_queue() { # STEP
    show "python server.py $1"
    (cd "$examples/01-queue/mini/python" && exec python3 server.py "$1") >"$data/out" 2>&1 &
    queue=$!
    until grep -q listens "$data/out"; do sleep 0.1; done
    sed "s/$PORT/11300/" "$data/out"
}

kill_queue() {
    show 'kill -9 (the queue)'
    kill -9 "$queue"
    wait "$queue" 2>/dev/null || true
    queue=
}
