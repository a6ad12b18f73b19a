# languages: typescript python
# uses: examples/01-queue/mini/{language}/server.{ext} examples/01-queue/mini/{language}/wire.{ext} examples/01-queue/mini/{language}/step3/queue.{ext} examples/01-queue/mini/{language}/step3/log.{ext}
# uses: examples/01-queue/say.py
# must: RESERVED 1 7
# must: ,"put","default",0,0,60,"se
say() { run "./shop say 1 $1" "python3 $examples/01-queue/say.py --port $PORT $1"; }
start_queue step3
say '"put 0 0 60 7" "seat 11"'
kill_queue
run "printf '5ea7d0ff [1795472130,1,\"put\",\"default\",0,0,60,\"se' >> data/queue.log" \
    "printf '5ea7d0ff [1795472130,1,\"put\",\"default\",0,0,60,\"se' >> $DATA/queue.log"
run 'cat data/queue.log' "cat $DATA/queue.log; echo"
start_queue step3
run 'cat data/queue.log' "cat $DATA/queue.log"
say '"reserve-with-timeout 1"'
