# uses: examples/concepts/01-timeout/python/main.py examples/concepts/luck.py tools/observe.py
# must: sold, and then the reply was lost
# must: the office crashed before it did anything
program "$examples/concepts/01-timeout/python" main 531
python3 "$tools/observe.py" "$examples/concepts/01-timeout/python/main.py" 531 "$EVENTS"
