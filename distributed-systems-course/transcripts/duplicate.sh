# shop: python
# uses: examples/01-queue/compose.yaml examples/01-queue/nodes/python.yaml examples/01-queue/clients/python/producer.py examples/01-queue/clients/python/worker.py examples/01-queue/clients/python/story.py examples/01-queue/clients/python/tally.py
# uses: examples/shop_breaks.py examples/01-queue/shop
# must: docker pause queue-python-queue-1-1
# must: resend
# must: duplicate
# must: 0 lost
sent() { ./shop logs producer | grep -c '"sent"' || true; }

start_shop
# One that will not also fail by itself: order 23 is no multiple of 7, 40 or 60.
until [ "$(sent)" -ge 22 ]; do sleep 0.1; done
run './shop pause 1'
show 'sleep 8'
sleep 8
run './shop heal 1'
until ./shop logs producer | grep -q '"resend"'; do sleep 0.2; done
run './shop logs producer | grep resend'
key=$(./shop logs producer | sed -n 's/.*"resend", "key": "\([^"]*\)".*/\1/p' | tail -1)
ended() { ./shop logs | grep "\"$key\"" | grep -q "\"$1\""; }
until ended done && ended duplicate; do sleep 0.2; done
run "./shop story $key"
run './shop tally'
