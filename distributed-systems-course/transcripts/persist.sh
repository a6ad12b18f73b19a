# must: write, sync, answer           0           0
# uses: examples/concepts/06-persist/python/main.py
run "python main.py 7" "python3 $examples/concepts/06-persist/python/main.py 7"
