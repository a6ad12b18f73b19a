# must: the producer (waits)
# uses: examples/concepts/07-backpressure/python/main.py
run "python main.py 7" "python3 $examples/concepts/07-backpressure/python/main.py 7"
