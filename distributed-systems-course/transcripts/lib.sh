# What the transcripts share: say a command as a reader would type it, run it, show what it says.
# From transcripts.py: LANGUAGE, PORT, ADMIN, TAP and PORTS (free ports), SCRATCH (a folder that is
# thrown away), EVENTS (what is left there is kept for a diagram), and IMPL, STEP and EXAMPLE where a
# script has `# shop:`.
# shellcheck shell=bash
examples=$(cd ../examples && pwd)
tools=$(cd ../tools && pwd)
data=$SCRATCH
queue=
tap=
export PYTHONUNBUFFERED=1 DATA=$data/data

stores=() # by node, its process
finish() {
    for process in $queue $tap "${stores[@]}"; do kill -9 "$process" 2>/dev/null || true; done
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
    cd "$examples/$EXAMPLE"
    show "./shop up $IMPL${STEP:+ --step $STEP}"
    # shellcheck disable=SC2086
    ./shop up "$IMPL" ${STEP:+--step $STEP} >"$SCRATCH/up" 2>&1 || { cat "$SCRATCH/up"; return 1; }
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

# --- the small stores, three on this machine: node N has a port, one to look at it, one for peers; and
# --- a tap may stand before each ------------------------------------------------------------------

read -ra ports <<<"${PORTS:-}"
store_port() { echo "${ports[$1 - 1]}"; } # NODE
store_names=1=store-1:6379,2=store-2:6379,3=store-3:6379 # to clients, as in the shop

# What says a port of this run, as it would be on the reader's machine.
as_usual() {
    local line said node
    while IFS= read -r line; do
        said=$line
        for node in 1 2 3; do said=${said//${ports[node - 1]}/$((6378 + node))}; done
        printf '%s\n' "$said"
    done
}

# In the background, until it listens.
start_store() { # STEP NODE
    local node=$2 peers="1=127.0.0.1:${ports[6]},2=127.0.0.1:${ports[7]},3=127.0.0.1:${ports[8]}"
    command_of "$examples/02-store/mini/$LANGUAGE" server "$1" "$node"
    show "$shown"
    rm -f "$SCRATCH/out-$node"
    NODES=$store_names PEERS=$peers DATA=$data/store-$node \
        PORT=${ports[node - 1]} ADMIN=${ports[node + 2]} PEER_PORT=${ports[node + 5]} \
        "${command[@]}" >"$SCRATCH/out-$node" 2>&1 &
    stores[node]=$!
    wait_for listens "$SCRATCH/out-$node"
    as_usual <"$SCRATCH/out-$node"
}

kill_store() { # NODE
    show "kill -9 (node $1)"
    kill -9 "${stores[$1]}"
    wait "${stores[$1]}" 2>/dev/null || true
    unset "stores[$1]"
}

say_store() { # NODE COMMAND      as ./shop say does
    local node=$1
    shift
    show "./shop say $node $*"
    python3 "$examples/02-store/say.py" --port "$(store_port "$node")" "$@" 2>&1 | as_usual
}

# A program of examples/02-store, which is told the ports of all nodes; of the taps, if there are any.
store_program() { # NAME ARGUMENT...
    local name=$1 at=0
    shift
    [ -z "$tap" ] || at=9
    command_of "$examples/02-store" "$name" "$@"
    show "$shown"
    STORE_PORTS="${ports[*]:at:3}" "${command[@]}" 2>&1 | as_usual
}

start_store_tap() { # NAME      of whoever calls
    python3 "$tools/tap_store.py" "$EVENTS" "$1" "${ports[@]:9:3}" "${ports[@]:0:3}" >"$SCRATCH/tap" 2>&1 &
    tap=$!
    wait_for listens "$SCRATCH/tap"
}

# Once all nodes say who leads: in $leader its number, in $other that of one that follows.
find_leader() {
    until ./shop leader 2>/dev/null | grep -q 'say store-1, store-2, store-3$'; do sleep 0.2; done
    run './shop leader' './shop leader | tee "$SCRATCH/leader"'
    leader=$(sed -n 's/^store-\([0-9]\) leads.*/\1/p' "$SCRATCH/leader")
    other=$((leader == 3 ? 2 : 3))
}
