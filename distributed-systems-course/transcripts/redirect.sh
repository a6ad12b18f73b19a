# languages: typescript python
# uses: examples/02-store/mini/{language}/server.{ext} examples/02-store/mini/{language}/step2/slots.{ext} examples/02-store/mini/{language}/step2/store.{ext}
# uses: examples/02-store/follow.{ext} examples/02-store/client.{ext} tools/tap_store.py
# must: -MOVED 10693 store-2:6379
start_store_tap "box office"
for node in 1 2 3; do start_store step2 $node >/dev/null; done
store_program follow SET seat:15 anna GET seat:15
stop_tap
