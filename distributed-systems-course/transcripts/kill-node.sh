# shop: c
# uses: examples/01-queue/compose.yaml examples/01-queue/nodes/c.yaml examples/01-queue/break examples/01-queue/tally examples/01-queue/clients/python/tally.py
# must: docker kill --signal KILL queue-c-queue-
# must: 0 lost
done_all() { docker compose logs --no-log-prefix worker-python worker-typescript-1 | grep -c '"done"' || true; }
status() { docker compose exec -T "$1" quartet status | grep -E '^(node|role|leader|term):'; }

start_shop
until [ "$(done_all)" -ge 10 ]; do sleep 0.5; done
until leader=$(status queue-1 | sed -n 's/^leader: \([1-3]\)$/\1/p') && [ -n "$leader" ]; do sleep 0.5; done
other=queue-$((leader % 3 + 1))
run "docker compose exec queue-$leader quartet status | grep -E '^(node|role|leader|term):'" "status queue-$leader"
run "./break kill queue-$leader"
before=$(done_all)
until [ "$(done_all)" -ge $((before + 20)) ]; do sleep 0.5; done
run "docker compose exec $other quartet status | grep -E '^(node|role|leader|term):'" "status $other"
run './tally'
run "./break heal queue-$leader"
