# shop: python
# uses: examples/01-queue/compose.yaml examples/01-queue/nodes/python.yaml examples/01-queue/break examples/01-queue/clients/python/worker.py examples/01-queue/tally examples/01-queue/clients/python/tally.py
# must: docker kill --signal KILL queue-python-queue-1-1
# must: node_gone
# must: 0 lost
sent() { docker compose logs --no-log-prefix producer | grep -c '"sent"' || true; }

start_shop
until [ "$(sent)" -ge 25 ]; do sleep 0.2; done
run './break kill queue-1'
until docker compose logs --no-log-prefix worker-python | grep -q node_gone; do sleep 0.2; done
run 'docker compose logs --no-log-prefix worker-python | tail -2'
run './break heal queue-1'
before=$(sent)
until [ "$(sent)" -ge $((before + 5)) ]; do sleep 0.2; done
run './tally'
