# uses: tools/scene_reads.py examples/world.py examples/02-store/mini/python/step5/levels.py examples/02-store/mini/python/step5/promises.py examples/02-store/mini/python/step5/replica.py
# must: Ben, local:     (nil)
# must: Anna, session:  anna
python3 "$tools/scene_reads.py" stale "$EVENTS"
