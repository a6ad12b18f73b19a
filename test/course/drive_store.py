"""Drives nodes of the small store: a line of JSON says what to do, a line what came of it.

python drive_store.py HOME STEP: HOME holds the steps. drive_store.ts does the same.
"""

import json
import sys

home, step = sys.argv[1:]
sys.path.insert(0, home)
from nodes import node_of  # noqa: E402

nodes = {}
for line in sys.stdin:
    do, id, *words = json.loads(line)
    if do == "start":
        ids, disk = words
        nodes[id] = node_of(step)(id, {other: f"host{other}:6379" for other in ids})
        nodes[id].draw = lambda: 0.0
        for entry in disk:
            nodes[id].apply(entry)
    else:
        getattr(nodes[id], do)(*words)
    node = nodes[id]
    state = {"data": sorted(node.data.items())}
    for name in ("term", "vote", "stamp", "leader", "fresh"):
        state[name] = getattr(node, name, None)
    left = {"save": node.save, "send": node.send, "answers": node.answers, "state": state}
    print(json.dumps(left), flush=True)
    node.save, node.send, node.answers = [], [], []
