# languages: typescript python
# shop: {language} 4
# example: 02-store
# uses: examples/02-store/compose.yaml examples/02-store/shop examples/shop_breaks.py examples/02-store/nodes/{language}.yaml
# uses: examples/02-store/mini/{language}/step4/votes.{ext} examples/02-store/clients/python/tally.py
# must: docker kill --signal KILL store-
# must: all as if there were one copy
sold() { ./shop tally | sed -n 's/.* \([0-9]*\) seats sold/\1/p'; }
agree() { ./shop leader | grep -q "say store-[123], store-[123]$1"; }
sold_more() { # than so many
    until [ "$(sold)" -gt "$1" ]; do sleep 0.5; done
}

start_shop
until agree ', store-[123]'; do sleep 0.2; done
sold_more 10
run './shop leader'
run './shop kill leader'
sold_more "$(($(sold) + 10))"
run './shop leader'
run './shop heal'
until agree ', store-[123]'; do sleep 0.2; done
run './shop tally'
