# languages: typescript python
# uses: examples/01-queue/mini/{language}/server.{ext} examples/01-queue/mini/{language}/wire.{ext} examples/01-queue/mini/{language}/step1/queue.{ext}
# uses: examples/01-queue/incident.{ext} examples/01-queue/client.{ext} tools/tap.py
# must: Anna takes 'seat 11' and dies.
# must: Ben  takes 'seat 12'
start_queue step1
start_tap shop Anna Ben
program "$examples/01-queue" incident -- "$TAP"
stop_tap
