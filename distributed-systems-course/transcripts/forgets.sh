# uses: examples/01-queue/mini/python/step2/queue.py examples/01-queue/mini/python/server.py
# must: TIMED_OUT
start_queue step2
run 'python say.py "put 0 0 60 7" "seat 11"' "python3 $examples/01-queue/say.py --port $PORT 'put 0 0 60 7' 'seat 11'"
kill_queue
start_queue step2
run 'python say.py "reserve-with-timeout 1"' "python3 $examples/01-queue/say.py --port $PORT 'reserve-with-timeout 1'"
