# languages: typescript python
# shop: {language}
# example: 02-store
# uses: examples/02-store/compose.yaml examples/02-store/nodes/{language}.yaml examples/02-store/say.py examples/02-store/shop examples/shop_breaks.py
# uses: examples/02-store/mini/{language}/step5/levels.{ext} examples/02-store/mini/{language}/step5/promises.{ext}
# must: (nil)
# must: (error) TRYAGAIN this copy does not know of it yet
# must: (error) CLUSTERDOWN no leader
# must: anna
start_shop
find_leader
run "./shop cut $other"
said=$(./shop say "$leader" "SET seat:12 anna" "CONSISTENCY TOKEN")
show "./shop say $leader \"SET seat:12 anna\" \"CONSISTENCY TOKEN\""
printf '%s\n' "$said"
token=${said##*$'\n'}
run "./shop say $other \"CONSISTENCY LOCAL GET seat:12\""
run "./shop say $other \"CONSISTENCY AFTER $token\" \"CONSISTENCY SESSION GET seat:12\""
run "./shop say $other \"CONSISTENCY LINEARIZABLE GET seat:12\""
run "./shop heal $other"
until ./shop say "$other" "CONSISTENCY LOCAL GET seat:12" | grep -q anna; do sleep 0.1; done
run "./shop say $other \"CONSISTENCY AFTER $token\" \"CONSISTENCY SESSION GET seat:12\""
