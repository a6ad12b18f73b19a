# languages: typescript python
# shop: {language} 3
# example: 02-store
# uses: examples/02-store/compose.yaml examples/02-store/shop examples/shop_breaks.py examples/02-store/nodes/{language}.yaml
# uses: examples/02-store/mini/{language}/step3/promises.{ext} examples/02-store/mini/{language}/step3/replica.{ext}
# must: store-1 leads in term 1, say store-1, store-2, store-3
# must: OK
# must: (nil)
say() { run "./shop say $*" "./shop say $* || true"; }

start_shop
until ./shop leader | grep -q 'store-1, store-2, store-3'; do sleep 0.2; done
run './shop leader'
say 1 SET seat:11 anna NX
run './shop cut 1'
say 1 CONSISTENCY leader SET seat:12 ben
say 1 CONSISTENCY majority SET seat:13 carla
run './shop kill 1'
say 2 CONSISTENCY local GET seat:11
say 2 CONSISTENCY local GET seat:12
say 3 CONSISTENCY local GET seat:12
run './shop leader'
