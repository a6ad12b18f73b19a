# uses: tools/scenes.py examples/world.py examples/02-store/mini/python/step3/promises.py examples/02-store/mini/python/step3/replica.py
# must: scenes.py copies
# What its picture is drawn from; no page shows its words.
show 'python scenes.py copies EVENTS'
python3 "$tools/scenes.py" copies "$EVENTS"
