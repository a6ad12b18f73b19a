# shop: python
# uses: examples/01-queue/compose.yaml examples/01-queue/nodes/python.yaml examples/01-queue/break examples/01-queue/clients/python/producer.py examples/01-queue/clients/python/worker.py examples/01-queue/story examples/01-queue/clients/python/story.py examples/01-queue/tally examples/01-queue/clients/python/tally.py
# must: docker pause queue-python-queue-1-1
# must: resend
# must: duplicate
# must: 0 lost
sent() { docker compose logs --no-log-prefix producer | grep -c '"sent"' || true; }

start_shop
# One that will not also fail by itself: order 23 is no multiple of 7, 40 or 60.
until [ "$(sent)" -ge 22 ]; do sleep 0.1; done
run './break pause queue-1'
show 'sleep 8'
sleep 8
run './break heal queue-1'
until docker compose logs --no-log-prefix producer | grep -q '"resend"'; do sleep 0.2; done
run 'docker compose logs --no-log-prefix producer | grep resend'
key=$(docker compose logs --no-log-prefix producer | sed -n 's/.*"resend", "key": "\([^"]*\)".*/\1/p' | tail -1)
ended() { docker compose logs --no-log-prefix | grep "\"$key\"" | grep -q "\"$1\""; }
until ended done && ended duplicate; do sleep 0.2; done
run "./story $key"
run './tally'
