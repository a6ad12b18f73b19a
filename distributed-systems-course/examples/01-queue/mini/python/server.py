"""The server: sockets, the clock, and who waits for what. Given, not taught.

    python server.py step4        the queue of step 4, on port 11300, its log in ./data

It is the world around the state machine in queue.py. A command becomes an entry with the time on
it; the entry goes to the log, then to the queue; replies leave once the log is on the disk.
"""

import asyncio
import importlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

import wire

TICK_S = 0.1  # how late a lease or a delay may end
PROMISES = {"put", "delete", "release", "bury", "kick"}  # their replies wait for the disk


class Session(asyncio.Protocol):
    """One client: the tube that it uses, those that it watches, and what it is owed."""

    def __init__(self, server: "Server") -> None:
        self.server = server
        self.decoder = wire.Decoder()
        self.used = "default"
        self.watched = ["default"]
        self.output = bytearray()
        self.waits_until: float | None = None  # in a reserve

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.number = self.server.opened(self)

    def data_received(self, data: bytes) -> None:
        self.decoder.feed(data)
        self.work()
        self.server.serve_waiting()
        self.server.flush()

    def connection_lost(self, error: Exception | None) -> None:
        self.server.closed(self)

    def work(self) -> None:
        """Commands behind a reserve that waits must wait, too."""
        while self.waits_until is None and not self.transport.is_closing():
            try:
                command = self.decoder.next()
                if command is None:
                    return
                self.handle(*command)
            except wire.BadCommand as bad:
                self.say(wire.line(str(bad)))

    def handle(self, name: str, arguments: list[Any]) -> None:
        if name == "quit":
            self.server.flush()
            self.transport.close()
        elif name == "use":
            (self.used,) = arguments
            self.say(wire.line(f"USING {self.used}"))
        elif name == "watch":
            if arguments[0] not in self.watched:
                self.watched.append(arguments[0])
            self.say(wire.line(f"WATCHING {len(self.watched)}"))
        elif name == "ignore":
            if self.watched == arguments:
                raise wire.BadCommand("NOT_IGNORED")
            self.watched = [tube for tube in self.watched if tube not in arguments]
            self.say(wire.line(f"WATCHING {len(self.watched)}"))
        elif name in ("reserve", "reserve-with-timeout"):
            self.waits_until = time.time() + arguments[0] if arguments else float("inf")
            self.server.waiting.append(self)
            self.server.serve_waiting()
        elif name == "stats-job":
            self.say(self.server.stats_job(*arguments))
        elif name == "stats-tube":
            self.say(self.server.stats_tube(*arguments))
        else:
            if name in ("put", "kick"):
                arguments = [self.used, *arguments]
            if name == "put":
                arguments[3] = max(arguments[3], 1)  # a time to run of 0 would be over at once
            self.say(wire.line(self.server.apply(self, name, *arguments)))

    def say(self, reply: bytes) -> None:
        self.output += reply


class Server:
    def __init__(self, step: str, data: Path) -> None:
        self.queue = importlib.import_module(f"{step}.queue").Queue()
        self.log = None
        self.promised = False  # a reply waits for the disk
        self.sessions: dict[int, Session] = {}
        self.sessions_count = 0
        self.waiting: list[Session] = []  # first come, first served
        self.puts: dict[str, int] = {}
        if (Path(__file__).parent / step / "log.py").exists():
            self.log = importlib.import_module(f"{step}.log").Log(data)
            try:
                for entry in self.log.replay():
                    self.queue.apply(entry)
            except ValueError as damage:
                sys.exit(f"{damage}: refusing to start, as jobs would be lost in silence")
            self.apply(None, "close")  # whoever was connected is no more

    def apply(self, session: Session | None, name: str, *arguments: Any) -> Any:
        if name not in self.queue.commands:
            raise wire.BadCommand("UNKNOWN_COMMAND")  # this step does not know it yet
        entry = [time.time(), session.number if session else 0, name, *arguments]
        if self.log is not None:
            try:
                self.log.append(entry)
            except OSError as error:
                stop_at_once(f"the log cannot be written: {error}")
            self.promised |= name in PROMISES
        if name == "put":
            self.puts[arguments[0]] = self.puts.get(arguments[0], 0) + 1
        return self.queue.apply(entry)

    def serve_waiting(self) -> None:
        """Jobs that are ready go to those who wait for them."""
        for session in list(self.waiting):
            if self.queue.next_ready(session.watched) is not None:
                job = self.apply(session, "reserve", *session.watched)
                self.answer(session, wire.with_body(f"RESERVED {job.id}", job.body))
            elif session.waits_until is not None and session.waits_until <= time.time():
                self.answer(session, wire.line("TIMED_OUT"))

    def answer(self, session: Session, reply: bytes) -> None:
        self.waiting.remove(session)
        session.waits_until = None
        session.say(reply)
        asyncio.get_running_loop().call_soon(session.data_received, b"")  # what stood behind it

    def flush(self) -> None:
        """First the disk, then the replies: what was acknowledged is never lost."""
        if self.log is not None and self.promised:
            try:
                self.log.sync()
            except OSError as error:
                stop_at_once(f"the log cannot be synced: {error}")
            self.promised = False
        for session in self.sessions.values():
            if session.output:
                session.transport.write(bytes(session.output))
                session.output.clear()

    def opened(self, session: Session) -> int:
        self.sessions_count += 1
        self.sessions[self.sessions_count] = session
        return self.sessions_count

    def closed(self, session: Session) -> None:
        del self.sessions[session.number]
        if session in self.waiting:
            self.waiting.remove(session)
        self.apply(session, "close")
        self.serve_waiting()
        self.flush()

    async def tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self.queue.advance(time.time())
            self.serve_waiting()
            self.flush()

    def stats_job(self, id: int) -> bytes:
        job = self.queue.jobs.get(id)
        if job is None:
            return wire.line("NOT_FOUND")
        fields = vars(job)
        state = fields.get("state", "ready")
        left = max(0, int(fields.get("due", 0) - time.time()))
        counts = {name: fields.get(name, 0) for name in COUNTS}
        return wire.table(
            {"id": id, "tube": job.tube, "state": state, "pri": job.priority}
            | {"age": int(time.time() - job.created), "delay": fields.get("delay", 0)}
            | {"ttr": job.ttr, "time-left": 0 if state in ("ready", "buried") else left}
            | {"file": 0, **counts}
        )

    def stats_tube(self, tube: str) -> bytes:
        states = [vars(j).get("state", "ready") for j in self.queue.jobs.values() if j.tube == tube]
        using = sum(session.used == tube for session in self.sessions.values())
        watching = sum(tube in session.watched for session in self.sessions.values())
        waiting = sum(tube in session.watched for session in self.waiting)
        if not states and not using and not watching:
            return wire.line("NOT_FOUND")
        return wire.table(
            {"name": tube}
            | {f"current-jobs-{state}": states.count(state) for state in STATES}
            | {"total-jobs": self.puts.get(tube, 0), "current-using": using}
            | {"current-watching": watching, "current-waiting": waiting}
        )


def stop_at_once(why: str) -> NoReturn:
    """Going on would acknowledge what is not there."""
    print(f"{why}; stopping", file=sys.stderr)
    os._exit(1)


COUNTS = ("reserves", "timeouts", "releases", "buries", "kicks")
STATES = ("ready", "reserved", "delayed", "buried")


async def serve_health(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """GET /health on the admin port: it answers, so it is well."""
    request = await reader.readline()
    found = request.startswith(b"GET /health ")
    body = json.dumps({"status": "ok"} if found else {"error": "there is only /health"})
    status = "200 OK" if found else "404 Not Found"
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    writer.write(f"{head}Connection: close\r\n\r\n{body}".encode())
    await writer.drain()
    writer.close()


def port_from(name: str, usual: int) -> int:
    text = os.environ.get(name, str(usual))
    if not text.isdecimal() or int(text) > 65535:
        sys.exit(f"{name} is {text}, which is no port: give it a number up to 65535")
    return int(text)


async def run(step: str) -> None:
    host = os.environ.get("HOST", "127.0.0.1")
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    port, admin_port = port_from("PORT", 11300), port_from("ADMIN", 9000)
    server: Server
    # The ports first: where another queue has them, its log is left alone.
    try:
        clients = await loop.create_server(lambda: Session(server), host, port, start_serving=False)
        admin = await asyncio.start_server(serve_health, host, admin_port)
    except OSError as error:
        sys.exit(f"cannot listen: {error.strerror} (is another queue, or the shop, still up?)")
    server = Server(step, Path(os.environ.get("DATA", "data")))
    await clients.start_serving()
    ticking = asyncio.create_task(server.tick())
    print(f"the queue of {step} listens at {host}:{port}", flush=True)
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({stopping, ticking}, return_when=asyncio.FIRST_COMPLETED)
    if ticking.done():
        ticking.result()  # raises: a disk that fails ends the process
    clients.close()
    admin.close()
    server.flush()
    print("stopped", flush=True)


if __name__ == "__main__":
    steps = sorted(path.parent.name for path in Path(__file__).parent.glob("*/queue.py"))
    if len(sys.argv) != 2 or sys.argv[1] not in steps:
        sys.exit(f"usage: python server.py {'|'.join(steps)}")
    asyncio.run(run(sys.argv[1]))
