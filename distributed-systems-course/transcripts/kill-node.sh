# shop: c
# uses: examples/01-queue/compose.yaml examples/01-queue/nodes/c.yaml examples/01-queue/clients/python/tally.py
# uses: examples/shop_breaks.py examples/01-queue/shop
# must: docker kill --signal KILL queue-c-queue-
# must: 0 lost
done_all() { ./shop logs worker-python worker-typescript-1 | grep -c '"done"' || true; }

start_shop
until [ "$(done_all)" -ge 10 ]; do sleep 0.5; done
until ./shop leader | grep -q 'queue-1, queue-2, queue-3'; do sleep 0.5; done
run './shop leader'
run './shop kill leader'
before=$(done_all)
until [ "$(done_all)" -ge $((before + 20)) ]; do sleep 0.5; done
run './shop leader'
run './shop tally'
run './shop heal'
