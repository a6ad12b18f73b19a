# must: 120 s
# uses: examples/concepts/05-lease/python/main.py
run "python main.py 7" "python3 $examples/concepts/05-lease/python/main.py 7"
