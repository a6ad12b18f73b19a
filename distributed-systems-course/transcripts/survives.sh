# uses: examples/01-queue/mini/python/step3/queue.py examples/01-queue/mini/python/server.py examples/01-queue/mini/python/step3/log.py
# must: RESERVED 1 7
start_queue step3
run 'python say.py "put 0 0 60 7" "seat 11"' "python3 $examples/01-queue/say.py --port $PORT 'put 0 0 60 7' 'seat 11'"
kill_queue
start_queue step3
run 'python say.py "reserve-with-timeout 1"' "python3 $examples/01-queue/say.py --port $PORT 'reserve-with-timeout 1'"
run 'cat data/queue.log' "cat $DATA/queue.log"
