# needs: docker
# uses: examples/01-queue/compose.yaml examples/01-queue/nodes/python.yaml examples/01-queue/break examples/01-queue/clients/python/worker.py examples/01-queue/clients/python/tally.py
# must: docker kill --signal KILL queue-python-queue-1-1
# must: node_gone
# must: 0 lost
cd "$examples/01-queue"
export IMPL=python
down() { docker compose down --volumes --remove-orphans --timeout 2 >/dev/null 2>&1 || true; finish; }
trap down EXIT
sent() { docker compose logs --no-log-prefix producer | grep -c '"sent"' || true; }

show 'export IMPL=python'
show 'docker compose up --build --detach'
docker compose up --build --detach >/dev/null 2>&1
until [ "$(sent)" -ge 25 ]; do sleep 0.2; done
run './break kill queue-1'
until docker compose logs --no-log-prefix worker-python | grep -q node_gone; do sleep 0.2; done
run 'docker compose logs --no-log-prefix worker-python | tail -2'
run './break heal queue-1'
before=$(sent)
until [ "$(sent)" -ge $((before + 5)) ]; do sleep 0.2; done
run './tally'
