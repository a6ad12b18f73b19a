# shop: c
# uses: examples/01-queue/compose.yaml examples/01-queue/nodes/c.yaml examples/01-queue/break examples/01-queue/clients/python/worker.py examples/01-queue/story examples/01-queue/clients/python/story.py examples/01-queue/tally examples/01-queue/clients/python/tally.py
# must: docker kill --signal KILL queue-c-worker-python-1
# must: attempt 2
# must: 0 lost
last() { docker compose logs --no-log-prefix --tail 1 "$1"; }
done_by() { docker compose logs --no-log-prefix "$1" | grep -c '"done"' || true; }

start_shop
until [ "$(done_by worker-python)" -ge 5 ]; do sleep 0.5; done
run 'docker compose logs --no-log-prefix --tail 2 worker-typescript-1'
# While it has an easy order in its hand: the first attempt of one that would not fail by itself.
while :; do
    line=$(last worker-python)
    number=$(printf '%s' "$line" | sed -n 's/.*"started".*"key": "order-[0-9a-f]*-\([0-9]*\)", "attempt": 1}/\1/p')
    [ -n "$number" ] && [ $((number % 7)) -ne 0 ] && [ $((number % 20)) -ne 0 ] || continue
    docker compose pause worker-python >/dev/null 2>&1
    [ "$(last worker-python)" = "$line" ] && break # else it was done in the meantime
    docker compose unpause worker-python >/dev/null 2>&1
done
run './break kill worker-python'
key=$(printf '%s' "$line" | sed -n 's/.*"key": "\([^"]*\)".*/\1/p')
until docker compose logs --no-log-prefix | grep "\"$key\"" | grep -q '"done"'; do sleep 0.2; done
run './story worker-python'
run './break heal worker-python'
run './tally'
