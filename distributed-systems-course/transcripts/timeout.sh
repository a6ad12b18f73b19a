# uses: examples/concepts/01-timeout/python/main.py
run "python main.py 7" "python3 $examples/concepts/01-timeout/python/main.py 7"
