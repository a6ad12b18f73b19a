# shop: c
# uses: examples/01-queue/compose.yaml examples/01-queue/nodes/c.yaml examples/01-queue/clients/python/worker.py examples/01-queue/clients/python/story.py examples/01-queue/clients/python/tally.py
# uses: examples/shop_breaks.py examples/01-queue/shop
# must: docker kill --signal KILL queue-c-worker-python-1
# must: attempt 2
# must: 0 lost
done_by() { ./shop logs "$1" | grep -c '"done"' || true; }

start_shop
until [ "$(done_by worker-python)" -ge 5 ]; do sleep 0.5; done
run './shop logs worker-typescript-1 | tail -2'
strike_easy './shop kill worker-python --busy'
until ./shop logs | grep "\"$key\"" | grep -q '"done"'; do sleep 0.2; done
run './shop story worker-python'
run './shop heal worker-python'
run './shop tally'
