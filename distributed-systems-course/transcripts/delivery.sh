# uses: examples/concepts/02-delivery/python/main.py
run "python main.py 7" "python3 $examples/concepts/02-delivery/python/main.py 7"
