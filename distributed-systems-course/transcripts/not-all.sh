# shop: python 3
# example: 02-store
# uses: examples/02-store/compose.yaml examples/02-store/shop examples/shop_breaks.py examples/02-store/nodes/python.yaml
# uses: examples/02-store/mini/python/step3/promises.py examples/02-store/mini/python/step3/replica.py
# must: (error) NOTALL 2 of 3; the write stands
# must: dora
start_shop
until ./shop leader | grep -q 'store-1, store-2, store-3'; do sleep 0.2; done
run './shop kill 3'
run './shop say 1 CONSISTENCY all SET seat:14 dora'
run './shop say 1 GET seat:14'
