"""Asks a node of the consensus store one thing and prints its answer: python say.py get seat:12

    get KEY             put KEY VALUE           delete KEY          status
    get KEY local       what this node has, which may be old
    PATH JSON           any other call: kv/range '{"key": "a", "range_end": "z"}'

Keys and values are text here; on the wire they are base64, and the answer is shown decoded.
./shop say does the same.
"""

import base64
import http.client
import json
import sys
from typing import Any, Dict, List, Optional, Tuple

PATIENCE_S = 30
TEXTS = ("key", "value", "range_end")  # the members that are base64 on the wire


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def decoded(text: str) -> str:
    return base64.b64decode(text).decode(errors="replace")


def each_text(thing: Any, change: Any) -> Any:
    """The same, with its keys and values changed, wherever they are in it."""
    if isinstance(thing, list):
        return [each_text(one, change) for one in thing]
    if not isinstance(thing, dict):
        return thing
    return {
        name: change(one) if name in TEXTS and isinstance(one, str) else each_text(one, change)
        for name, one in thing.items()
    }


def call(words: List[str]) -> Optional[Tuple[str, Dict[str, Any]]]:
    """(path, what is asked there); None where the words say nothing."""
    name, arguments = words[0], words[1:]
    if name == "get" and len(arguments) in (1, 2) and arguments[1:] in ([], ["local"]):
        return "kv/range", {"key": arguments[0], "serializable": bool(arguments[1:])}
    if name == "put" and len(arguments) == 2:
        return "kv/put", {"key": arguments[0], "value": arguments[1]}
    if name == "delete" and len(arguments) == 1:
        return "kv/deleterange", {"key": arguments[0]}
    if words == ["status"]:
        return "maintenance/status", {}
    if "/" in name and len(arguments) == 1:
        body = json.loads(arguments[0])
        return (name, body) if isinstance(body, dict) else None
    return None


def say(port: int, words: List[str]) -> int:
    """Returns the exit code. A command may be one word with blanks in it, as in quotes."""
    if len(words) == 1:
        words = words[0].split()
    try:
        asked = call(words) if words else None
    except ValueError as error:
        print(f"this is no JSON: {error}", file=sys.stderr)
        return 2
    if asked is None:
        print(__doc__, file=sys.stderr)
        return 2
    path, body = asked
    connection = http.client.HTTPConnection("localhost", port, timeout=PATIENCE_S)
    try:
        connection.connect()
    except OSError:  # refused, or an address that this machine does not have
        print(f"no store listens at port {port}: start one in another terminal", file=sys.stderr)
        return 1
    try:
        connection.request("POST", f"/v3/{path}", json.dumps(each_text(body, encoded)))
        text = connection.getresponse().read()
        print(json.dumps(each_text(json.loads(text), decoded)))
    except (OSError, ValueError, http.client.HTTPException):
        print(
            f"it has not answered for {PATIENCE_S} s, or has hung up: nobody knows", file=sys.stderr
        )
        return 1
    return 0


def main() -> int:
    words = sys.argv[1:]
    port = 2379
    if words[:1] == ["--port"] and len(words) > 1 and words[1].isdigit():
        port, words = int(words[1]), words[2:]
    if not words or not words[0].strip():
        print(__doc__, file=sys.stderr)
        return 2
    return say(port, words)


if __name__ == "__main__":
    sys.exit(main())
