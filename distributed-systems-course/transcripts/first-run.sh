# uses: examples/01-queue/compose.yaml examples/01-queue/nodes/c.yaml examples/01-queue/break examples/01-queue/clients/python/worker.py
# must: docker kill --signal KILL queue-c-worker-python-1
# must: "event": "done"
cd "$examples/01-queue"
export IMPL=c
down() { docker compose down --volumes --remove-orphans --timeout 2 >/dev/null 2>&1 || true; finish; }
trap down EXIT
done_by() { docker compose logs --no-log-prefix "$1" | grep -c '"done"' || true; }
wait_done() { until [ "$(done_by "$1")" -ge "$2" ]; do sleep 0.5; done; }

show 'docker compose up --build --detach'
docker compose up --build --detach >/dev/null 2>&1
wait_done worker-python 6
wait_done worker-typescript-1 6
run 'docker compose ps --format "{{.Service}}: {{.Status}}"'
run 'docker compose logs --no-log-prefix --tail 4 worker-python'
run './break kill worker-python'
before=$(done_by worker-typescript-1)
wait_done worker-typescript-1 $((before + 5))
run 'docker compose logs --no-log-prefix --tail 4 worker-typescript-1'
run './break heal worker-python'
