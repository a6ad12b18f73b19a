# shop: python
# example: 02-store
# uses: examples/02-store/compose.yaml examples/02-store/nodes/python.yaml examples/02-store/say.py
# uses: examples/02-store/mini/python/step5/levels.py examples/02-store/mini/python/step5/votes.py
# uses: examples/shop_breaks.py examples/02-store/shop
# must: docker network disconnect store-python_peers store-python-store-3-1
# must: (error) CLUSTERDOWN no leader
# must: (nil)
start_shop
until ./shop leader 2>/dev/null | grep -q 'store-1 leads'; do sleep 0.5; done
run './shop leader'
run './shop say 1 SET seat:12 anna NX'
until ./shop say 3 CONSISTENCY local GET seat:12 | grep -q anna; do sleep 0.2; done
run './shop cut 3'
until ./shop say 3 GET seat:12 2>&1 | grep -q CLUSTERDOWN; do sleep 0.5; done
run './shop say 1 SET seat:13 ben NX'
run './shop say 3 GET seat:13'
run './shop say 3 SET seat:14 carla NX'
run './shop say 3 CONSISTENCY local GET seat:12'
run './shop say 3 CONSISTENCY local GET seat:13'
run './shop heal 3'
until ./shop say 3 CONSISTENCY local GET seat:13 | grep -q ben; do sleep 0.2; done
run './shop say 3 CONSISTENCY local GET seat:13'
