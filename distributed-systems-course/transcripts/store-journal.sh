# shop: python
# example: 02-store
# uses: examples/02-store/compose.yaml examples/02-store/nodes/python.yaml examples/02-store/clients/python/office.py
# uses: examples/02-store/clients/python/tally.py examples/shop_breaks.py examples/02-store/shop
# must: "info"
# must: all as if there were one copy
journal=/results/office-python.jsonl
silent() { docker compose exec -T office-python grep -q '"info".*"cas"' $journal 2>/dev/null; }

start_shop
until ./shop leader 2>/dev/null | grep -q 'leads'; do sleep 0.5; done
until ./shop tally 2>/dev/null | grep -q '[1-9][0-9] seats sold'; do sleep 0.5; done
while :; do
    said=$(./shop kill leader 2>&1)
    until ./shop leader 2>/dev/null | grep -q 'leads'; do sleep 0.5; done
    sleep 5
    silent && break
    ./shop heal >/dev/null 2>&1
    sleep 2
done
show './shop kill leader'
printf '%s\n' "$said"
run './shop leader'
run "docker compose exec office-python grep -m 1 -A 2 'info.*cas' $journal" "docker compose exec -T office-python grep -m 1 -A 2 'info.*cas' $journal"
run './shop heal'
sleep 3
run './shop tally'
