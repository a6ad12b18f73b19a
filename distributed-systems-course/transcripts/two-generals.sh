# uses: examples/concepts/03-two-generals/python/main.py
run "python main.py 7" "python3 $examples/concepts/03-two-generals/python/main.py 7"
