# What the transcripts share: say a command as a reader would type it, run it, show what it says.
# From transcripts.py: LANGUAGE, PORT, ADMIN and TAP (free ports), SCRATCH (a folder that is thrown
# away), EVENTS (what is left there is kept for a diagram), and IMPL where a script has `# shop:`.
# shellcheck shell=bash
examples=$(cd ../examples && pwd)
tools=$(cd ../tools && pwd)
data=$SCRATCH
queue=
tap=
export PYTHONUNBUFFERED=1 DATA=$data/data

finish() {
    for process in $queue $tap; do kill -9 "$process" 2>/dev/null || true; done
}
trap finish EXIT

show() { printf '$ %s\n' "$1"; } # a command, without running it
run() { show "$1"; eval "${2:-$1}" 2>&1; }

# How a program is started in this run's language: `command`, and `shown`, as it is typed in its
# folder.
command_of() { # FOLDER NAME ARGUMENT...     the arguments behind -- are not shown
    case $LANGUAGE in
    python) shown="python $2.py" command=(python3 "$1/$2.py") ;;
    typescript) shown="node $2.ts" command=(node "$1/$2.ts") ;;
    esac
    shift 2
    local hidden=
    for argument; do
        if [ "$argument" = -- ]; then hidden=yes; continue; fi
        command+=("$argument")
        [ -n "$hidden" ] || shown="$shown $argument"
    done
}

program() { # FOLDER NAME ARGUMENT...
    command_of "$@"
    show "$shown"
    "${command[@]}" 2>&1
}

# In the background, until it listens; shown as the reader starts it.
start_queue() { # STEP
    command_of "$examples/01-queue/mini/$LANGUAGE" server "$1"
    show "$shown"
    rm -f "$SCRATCH/out" # or the line of the one before would be found in it
    "${command[@]}" >"$SCRATCH/out" 2>&1 &
    queue=$!
    wait_for listens "$SCRATCH/out"
    sed "s/$PORT/11300/" "$SCRATCH/out"
}

# The ticket shop, as the reader starts it; what compose says of its progress is left out. Whoever
# started this script has built the images, and removes the shop afterwards.
start_shop() {
    cd "$examples/01-queue"
    show "./shop up $IMPL"
    ./shop up "$IMPL" >"$SCRATCH/up" 2>&1 || { cat "$SCRATCH/up"; return 1; }
}

# Breaks a worker with an easy order in its hand: the first attempt of one that would not fail by
# itself. Leaves the order's key in $key.
strike_easy() { # COMMAND
    local said number
    while :; do
        said=$($1 2>&1)
        key=$(printf '%s' "$said" | sed -n 's/.* had \(order-[^ ]*\) in its hand.*/\1/p')
        number=${key##*-}
        [ "$(printf '%s\n' "$said" | wc -l)" -eq 2 ] && [ $((number % 7)) -ne 0 ] &&
            [ $((number % 20)) -ne 0 ] && break
        ./shop heal >/dev/null 2>&1
    done
    show "$1"
    printf '%s\n' "$said"
}

wait_for() { until grep -q "$1" "$2" 2>/dev/null; do sleep 0.05; done; } # TEXT FILE

kill_queue() {
    show 'kill -9 (the queue)'
    kill -9 "$queue"
    wait "$queue" 2>/dev/null || true
    queue=
}

# Between the clients and the queue, to write down who said what and when.
start_tap() { # NAME...      of the connections, in their order
    python3 "$tools/tap.py" "$TAP" "$PORT" "$EVENTS" "$@" >"$SCRATCH/tap" 2>&1 &
    tap=$!
    wait_for listens "$SCRATCH/tap"
}

stop_tap() {
    kill -TERM "$tap"
    wait "$tap" || true
    tap=
}
