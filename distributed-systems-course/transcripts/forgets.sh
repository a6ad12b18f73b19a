# languages: typescript python
# uses: examples/01-queue/mini/{language}/server.{ext} examples/01-queue/mini/{language}/wire.{ext} examples/01-queue/mini/{language}/step2/queue.{ext}
# uses: examples/01-queue/say.py
# must: INSERTED 1
# must: TIMED_OUT
say() { run "./shop say 1 $1" "python3 $examples/01-queue/say.py --port $PORT $1"; }
start_queue step2
say '"put 0 0 60 7" "seat 11"'
kill_queue
start_queue step2
say '"reserve-with-timeout 1"'
