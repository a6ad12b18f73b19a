# languages: typescript python
# uses: examples/01-queue/mini/{language}/server.{ext} examples/01-queue/mini/{language}/wire.{ext} examples/01-queue/mini/{language}/step3/queue.{ext} examples/01-queue/mini/{language}/step3/log.{ext}
# uses: examples/01-queue/say.py
# must: INSERTED 1
# must: RESERVED 1 7
say() { run "./shop say 1 $1" "python3 $examples/01-queue/say.py --port $PORT $1"; }
start_queue step3
say '"put 0 0 60 7" "seat 11"'
kill_queue
start_queue step3
say '"reserve-with-timeout 1"'
run 'cat data/queue.log' 'cat "$DATA/queue.log"'
