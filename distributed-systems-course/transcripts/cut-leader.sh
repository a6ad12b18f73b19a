# languages: typescript python
# shop: {language} 4
# example: 02-store
# uses: examples/02-store/compose.yaml examples/02-store/shop examples/shop_breaks.py examples/02-store/nodes/{language}.yaml
# uses: examples/02-store/mini/{language}/step4/votes.{ext} examples/02-store/mini/{language}/step4/promises.{ext}
# must: shop cut leader
# must: carla
say() { run "./shop say $*" "./shop say $* || true"; }
leads() { ./shop leader | sed -n "s/^store-\([123]\) leads in term .*, say store-[123], store-[123]$1$/\1/p"; }

start_shop
until [ -n "$(leads ', store-[123]')" ]; do sleep 0.2; done
run './shop leader'
old=$(leads ', store-[123]')
run './shop cut leader'
say "$old" SET seat:12 ben NX
until [ -n "$(leads '')" ] && [ "$(leads '')" != "$old" ]; do sleep 0.2; done
run './shop leader'
new=$(leads '')
say "$new" SET seat:12 carla NX
say "$new" GET seat:12
