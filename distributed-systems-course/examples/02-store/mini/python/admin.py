"""The admin port: whether a node is well, what it believes, and a cut without Docker. Given."""

import asyncio
import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from server import Server

PATIENCE_S, BODY_MAX = 2.0, 4096


def status(server: "Server") -> dict[str, Any]:
    """With the names that the C store has, where it has such a thing."""
    node = server.node
    data = json.dumps(sorted(node.data.items()), separators=(",", ":"))
    found = {
        "system": "store",
        "node": server.id,
        "role": "leader" if server.leads() else "follower",
        "healthy": True,
        "leader": getattr(node, "leader", server.id),
        "term": getattr(node, "term", 0),
        "vote": getattr(node, "vote", 0),
        "stamp": server.stamp(),
        "keys": len(node.data),
        "digest": hashlib.sha256(data.encode()).hexdigest()[:16],
        "clients": len(server.sessions),
        "cut": server.peers.cut,
    }
    return found | {"step": server.step}


def answer(server: "Server", method: str, path: str) -> tuple[str, dict[str, Any]]:
    if (method, path) == ("GET", "/health"):
        return "200 OK", {"status": "ok"}
    if (method, path) == ("GET", "/status"):
        return "200 OK", status(server)
    if method == "POST" and path in ("/cut", "/heal"):
        server.peers.cut = path == "/cut"
        if server.peers.cut:
            server.peers.drop()
        return "200 OK", {"cut": server.peers.cut}
    said = "there are GET /health, GET /status, POST /cut and POST /heal"
    return "404 Not Found", {"error": said}


async def start(server: "Server", host: str, port: int) -> asyncio.Server:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
            method, path = head.decode("latin-1").split(" ")[:2]
            status, found = answer(server, method, path)
            body = json.dumps(found)
            lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", "Connection: close"]
            lines.append(f"Content-Length: {len(body)}")
            writer.write("\r\n".join([*lines, "", body]).encode())
            await writer.drain()
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # who speaks no HTTP hears nothing
        writer.close()

    return await asyncio.start_server(serve, host, port, limit=BODY_MAX)
