# uses: tools/scenes.py examples/world.py examples/02-store/mini/python/step4/votes.py
# uses: examples/02-store/mini/python/step4/promises.py examples/02-store/mini/python/step4/replica.py
# must: scenes.py two-leaders
# What its picture is drawn from; no page shows its words.
show 'python scenes.py two-leaders EVENTS'
python3 "$tools/scenes.py" two-leaders "$EVENTS"
