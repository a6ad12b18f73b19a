# languages: typescript python
# uses: examples/01-queue/careless.{ext} examples/01-queue/client.{ext} examples/01-queue/say.py
# must: INSERTED 2
# must: it does not come back
# must: tube: "mail.dead"
quartet=$examples/../../build/quartet
show 'quartet queue --data /tmp/q'
"$quartet" queue --data "$DATA" --listen "127.0.0.1:$PORT" --admin "127.0.0.1:$ADMIN" >"$DATA.out" 2>&1 &
queue=$!
until python3 -c "import socket; socket.create_connection(('localhost', $PORT))" 2>/dev/null; do sleep 0.1; done
export QUARTET_ADMIN=127.0.0.1:$ADMIN
program "$examples/01-queue" careless -- "$PORT"
run 'quartet queue-policy set mail --attempts 4 --base-ms 500 --dead-tube mail.dead' \
    "$quartet queue-policy set mail --attempts 4 --base-ms 500 --dead-tube mail.dead"
program "$examples/01-queue" careless -- "$PORT"
run './shop say 1 "stats-job 2" | grep -E "tube|state|attempt"' \
    "python3 $examples/01-queue/say.py --port $PORT 'stats-job 2' | grep -E 'tube|state|attempt'"
