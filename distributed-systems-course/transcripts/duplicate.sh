# needs: docker
# uses: examples/01-queue/compose.yaml examples/01-queue/nodes/python.yaml examples/01-queue/break examples/01-queue/clients/python/producer.py examples/01-queue/clients/python/worker.py examples/01-queue/clients/python/story.py examples/01-queue/clients/python/tally.py
# must: docker pause queue-python-queue-1-1
# must: resend
# must: duplicate
# must: 0 lost
cd "$examples/01-queue"
export IMPL=python
down() { docker compose down --volumes --remove-orphans --timeout 2 >/dev/null 2>&1 || true; finish; }
trap down EXIT
sent() { docker compose logs --no-log-prefix producer | grep -c '"sent"' || true; }

show 'export IMPL=python'
show 'docker compose up --build --detach'
docker compose up --build --detach >/dev/null 2>&1
# One that will not also fail by itself: order 23 is no multiple of 7, 40 or 60.
until [ "$(sent)" -ge 22 ]; do sleep 0.1; done
run './break pause queue-1'
show 'sleep 8'
sleep 8
run './break heal queue-1'
until docker compose logs --no-log-prefix producer | grep -q '"resend"'; do sleep 0.2; done
run 'docker compose logs --no-log-prefix producer | grep resend'
key=$(docker compose logs --no-log-prefix producer | sed -n 's/.*"resend", "key": "\([^"]*\)".*/\1/p' | tail -1)
until docker compose logs --no-log-prefix | grep "\"$key\"" | grep -q '"duplicate"'; do sleep 0.2; done
run "./story $key"
run './tally'
