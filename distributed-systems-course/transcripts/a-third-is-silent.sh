# shop: python 2
# example: 02-store
# uses: examples/02-store/compose.yaml examples/02-store/nodes/python.yaml examples/02-store/say.py
# uses: examples/02-store/mini/python/step2/slots.py examples/02-store/mini/python/step2/store.py
# uses: examples/shop_breaks.py examples/02-store/shop
# must: (error) MOVED 6434 store-2:6379
# must: docker kill --signal KILL store-python-store-2-1
# must: no store listens at port 6380
start_shop
until ./shop say 3 PING 2>&1 | grep -q PONG; do sleep 0.2; done
run './shop say 1 SET seat:12 anna NX'
run './shop say 2 SET seat:12 anna NX'
run './shop kill 2'
run './shop say 1 SET seat:13 ben NX'
run './shop say 1 GET seat:12'
run './shop say 2 GET seat:12' || true
run './shop heal 2'
until ./shop say 2 PING 2>&1 | grep -q PONG; do sleep 0.2; done
run './shop say 2 GET seat:12' || true
