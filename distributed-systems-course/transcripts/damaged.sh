# languages: typescript python
# uses: examples/01-queue/mini/{language}/server.{ext} examples/01-queue/mini/{language}/wire.{ext} examples/01-queue/mini/{language}/step3/queue.{ext} examples/01-queue/mini/{language}/step3/log.{ext}
# uses: examples/01-queue/say.py
# must: line 2: damaged, and good lines follow
say() { run "./shop say 1 $1" "python3 $examples/01-queue/say.py --port $PORT $1"; }
start_queue step3
say '"put 0 0 60 7" "seat 11"'
say '"put 0 0 60 7" "seat 12"'
kill_queue
run "sed -i.whole 's/seat 11/sXat 11/' data/queue.log" "sed -i.whole 's/seat 11/sXat 11/' $DATA/queue.log"
run 'cat data/queue.log' "cat $DATA/queue.log"
command_of "$examples/01-queue/mini/$LANGUAGE" server step3
show "$shown"
("${command[@]}" 2>&1 || true) | sed "s#$DATA#data#"
