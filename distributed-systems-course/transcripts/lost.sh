# uses: examples/01-queue/incident.py examples/01-queue/mini/python/step1/queue.py examples/01-queue/mini/python/server.py
start_queue step1
run "python incident.py" "python3 $examples/01-queue/incident.py $PORT"
