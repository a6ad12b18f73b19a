# shop: python
# uses: examples/01-queue/compose.yaml examples/01-queue/nodes/python.yaml examples/01-queue/clients/python/worker.py examples/01-queue/clients/python/story.py
# uses: examples/shop_breaks.py examples/01-queue/shop
# must: docker pause queue-python-worker-python-1
# must: attempt 2
# must: lease_lost
start_shop
until ./shop logs worker-python | grep -q '"done"'; do sleep 0.2; done
strike_easy './shop pause worker-python --busy'
show 'sleep 8'
sleep 8
run './shop story worker-python'
run './shop heal worker-python'
until ./shop logs worker-python | grep -q lease_lost; do sleep 0.2; done
run "./shop story $key"
