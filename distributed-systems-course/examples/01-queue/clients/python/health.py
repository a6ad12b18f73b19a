"""GET /health: 200 while connected to a node of the queue, else 503.

`python health.py` asks its own container and exits 0 or 1: what compose.yaml's healthcheck runs,
as the image has no curl.
"""

import json
import sys
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from config import load_config, refuse
from connection import Connection


def serve_health(port: int, queue: Connection) -> None:
    """Answers in a thread of its own, until the process ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/health":
                self.answer(404, {"error": "there is only /health"})
            elif queue.node is None:
                self.answer(503, {"status": "connecting"})
            else:
                self.answer(200, {"status": "ok", "node": queue.node})

        def answer(self, status: int, fields: dict[str, str]) -> None:
            body = json.dumps(fields).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass  # one line per check would drown the journal

    try:
        server = ThreadingHTTPServer(("", port), Handler)
    except OSError as error:
        refuse(f"HEALTH_PORT={port}: {error.strerror}; each program needs one of its own")
    threading.Thread(target=server.serve_forever, daemon=True).start()


def check_health(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2):
            return True
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(0 if check_health(load_config().health_port) else 1)
