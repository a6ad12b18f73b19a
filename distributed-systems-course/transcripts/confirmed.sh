# uses: tools/scene_reads.py examples/world.py examples/02-store/mini/python/step5/levels.py examples/02-store/mini/python/step5/votes.py examples/02-store/mini/python/step5/replica.py
# must: from it when cut, local: (nil)
# must: and linearizable:        hangs up: nobody knows
# must: from the new leader:     anna
python3 "$tools/scene_reads.py" confirmed "$EVENTS"
