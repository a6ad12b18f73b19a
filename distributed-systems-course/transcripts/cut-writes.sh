# languages: typescript python
# shop: {language}
# example: 02-store
# uses: examples/02-store/compose.yaml examples/02-store/nodes/{language}.yaml examples/02-store/say.py examples/02-store/shop examples/shop_breaks.py
# uses: examples/02-store/mini/{language}/step5/levels.{ext} examples/02-store/mini/{language}/step5/promises.{ext}
# must: (error) NOTALL 2 of 3; the write stands
# must: ben
start_shop
find_leader
run "./shop cut $other"
run "./shop say $leader \"CONSISTENCY ALL SET seat:13 ben\""
run "./shop say $leader \"GET seat:13\""
run "./shop heal $other"
until ./shop say "$other" "CONSISTENCY LOCAL GET seat:13" | grep -q ben; do sleep 0.1; done
old=$leader
run "./shop cut $old && ./shop say $old \"GET seat:13\"" || true
until ./shop leader 2>/dev/null | grep -v "^store-$old" | grep -q leads; do sleep 0.1; done
run './shop leader' './shop leader | tee "$SCRATCH/leader"'
leader=$(grep -v "^store-$old" "$SCRATCH/leader" | sed -n 's/^store-\([0-9]\) leads.*/\1/p' | tail -1)
run "./shop say $leader \"GET seat:13\""
run "./shop heal $old"
