# languages: typescript python
# uses: examples/concepts/10-cut/{language}/main.{ext} examples/concepts/luck.{ext} tools/observe.py
# must: all three                       0            0            0           60
program "$examples/concepts/10-cut/$LANGUAGE" main 201
python3 "$tools/observe.py" "$examples/concepts/10-cut/python/main.py" 201 "$EVENTS"
