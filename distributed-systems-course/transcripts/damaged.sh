# uses: examples/01-queue/mini/python/step3/queue.py examples/01-queue/mini/python/server.py examples/01-queue/mini/python/step3/log.py
# must: line 2: damaged, and good lines follow
say() { run "python say.py $1" "python3 $examples/01-queue/say.py --port $PORT $1"; }
start_queue step3
say '"put 0 0 60 7" "seat 11"'
say '"put 0 0 60 7" "seat 12"'
kill_queue
run "sed -i.whole 's/seat 11/sXat 11/' data/queue.log" "sed -i.whole 's/seat 11/sXat 11/' $DATA/queue.log"
run 'cat data/queue.log' "cat $DATA/queue.log"
show 'python server.py step3'
(cd "$examples/01-queue/mini/python" && python3 server.py step3 2>&1 || true) | sed "s#$DATA#data#"
