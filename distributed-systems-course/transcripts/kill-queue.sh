# shop: python
# uses: examples/01-queue/compose.yaml examples/01-queue/nodes/python.yaml examples/01-queue/clients/python/worker.py examples/01-queue/clients/python/tally.py
# uses: examples/shop_breaks.py examples/01-queue/shop
# must: docker kill --signal KILL queue-python-queue-1-1
# must: node_gone
# must: 0 lost
sent() { ./shop logs producer | grep -c '"sent"' || true; }

start_shop
until [ "$(sent)" -ge 25 ]; do sleep 0.2; done
run './shop kill 1'
until ./shop logs worker-python | grep -q node_gone; do sleep 0.2; done
run './shop logs worker-python | tail -2'
run './shop heal 1'
before=$(sent)
until [ "$(sent)" -ge $((before + 5)) ]; do sleep 0.2; done
run './shop tally'
