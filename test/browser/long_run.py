#!/usr/bin/env python3
"""The log of a run that is longer than any that a page shows: 500 events, made up, for play.mjs to
measure how smoothly it plays.   long_run.py | tools/draw.py - PAGE"""

import json

EVENTS = 500
WORKERS = ("worker-1", "worker-2", "worker-3")


def events():
    for n in range(EVENTS // 5):
        job, worker, at = n + 1, WORKERS[n % len(WORKERS)], 0.05 * n
        yield {"at": at, "from": "shop", "to": "queue", "text": "put 0 0 60 7", "body": f"seat {n}"}
        yield {"at": at, "from": "queue", "to": "shop", "text": f"INSERTED {job}", "lost": n % 9 == 4}
        yield {"at": at, "from": "queue", "to": worker, "text": f"RESERVED {job} 7", "body": f"seat {n}"}
        yield {"at": at, "got": at + 0.03, "from": worker, "to": "queue", "text": f"delete {job}"}
        yield {"at": at + 0.01, "who": worker, "text": "prints the ticket"}


for event in events():
    print(json.dumps(event))
