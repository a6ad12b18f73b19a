# languages: typescript python
# uses: examples/concepts/02-delivery/{language}/main.{ext} examples/concepts/luck.{ext} tools/observe.py
# must: at least once, and a key         20 sold    0 lost    0 sold twice or more
program "$examples/concepts/02-delivery/$LANGUAGE" main 25
python3 "$tools/observe.py" "$examples/concepts/02-delivery/python/main.py" 25 "$EVENTS"
