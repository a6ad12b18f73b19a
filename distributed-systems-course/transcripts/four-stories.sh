# uses: examples/concepts/01-timeout/python/main.py tools/observe.py
# must: sold, and then the reply was lost
# must: the office crashed before it did anything
program "$examples/concepts/01-timeout/python" main 20
python3 "$tools/observe.py" "$examples/concepts/01-timeout/python/main.py" 20 "$EVENTS"
