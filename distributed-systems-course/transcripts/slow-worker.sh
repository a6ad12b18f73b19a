# shop: python
# uses: examples/01-queue/compose.yaml examples/01-queue/nodes/python.yaml examples/01-queue/break examples/01-queue/clients/python/worker.py examples/01-queue/story examples/01-queue/clients/python/story.py
# must: docker pause queue-python-worker-python-1
# must: attempt 2
# must: lease_lost
last() { docker compose logs --no-log-prefix --tail 1 worker-python; }

start_shop
# While it has an easy order in its hand: the first attempt of one that would not fail by itself.
while :; do
    line=$(last)
    number=$(printf '%s' "$line" | sed -n 's/.*"started".*"key": "order-[0-9a-f]*-\([0-9]*\)", "attempt": 1}/\1/p')
    [ -n "$number" ] && [ $((number % 7)) -ne 0 ] && [ $((number % 20)) -ne 0 ] || continue
    paused=$(./break pause worker-python 2>&1)
    [ "$(last)" = "$line" ] && break # else it was done in the meantime
    ./break heal worker-python >/dev/null 2>&1
done
show './break pause worker-python'
printf '%s\n' "$paused"
show 'sleep 8'
sleep 8
run './story worker-python'
run './break heal worker-python'
until docker compose logs --no-log-prefix worker-python | grep -q lease_lost; do sleep 0.2; done
key=$(printf '%s' "$line" | sed -n 's/.*"key": "\([^"]*\)".*/\1/p')
run "./story $key"
