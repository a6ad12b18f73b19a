# uses: examples/concepts/04-backoff/python/main.py
run "python main.py 7" "python3 $examples/concepts/04-backoff/python/main.py 7"
