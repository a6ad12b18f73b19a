# languages: typescript python
# uses: examples/02-store/mini/{language}/server.{ext} examples/02-store/mini/{language}/step1/store.{ext}
# uses: examples/02-store/incident.{ext} examples/02-store/client.{ext}
# must: 300 seats are sold, on 2 machines
# must: is sold once more: +OK
for node in 1 2 3; do start_store step1 $node >/dev/null; done
store_program incident
