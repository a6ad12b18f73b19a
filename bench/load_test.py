"""The load generator must not believe a server that answers wrongly: a benchmark that counts
errors as work would flatter it. Usage: load_test.py PATH-OF-QUARTET-LOAD"""

import json
import socket
import subprocess
import sys
import threading
import unittest

PROGRAM = sys.argv.pop(1)


def serve(connection, answer, split):
    """A one-connection queue of sorts: right about everything unless `answer` says otherwise."""
    jobs = []
    with connection, connection.makefile("rb") as lines:
        for line in lines:
            word = line.split()[0]
            reply = b"?"
            if word == b"put":
                jobs.append(lines.read(int(line.split()[4]) + 2))
                reply = b"INSERTED %d\r\n" % len(jobs)
            elif word == b"reserve":
                reply = b"RESERVED %d %d\r\n%s" % (len(jobs), len(jobs[-1]) - 2, jobs[-1])
            elif word == b"delete":
                reply = b"DELETED\r\n"
            elif word == b"use":
                reply = b"USING load-0\r\n"
            elif word in (b"watch", b"ignore"):
                reply = b"WATCHING %d\r\n" % (2 if word == b"watch" else 1)
            reply = answer.get(word, reply)
            if reply is None:
                return
            try:
                for at in range(0, len(reply), split):
                    connection.sendall(reply[at : at + split])
            except OSError:
                return


def run(mode, answer=None, split=1 << 20, **options):
    """One connection's run against such a server: exit status and what was printed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept():
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            serve(connection, answer or {}, split)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        words = [PROGRAM, mode, "--address", "127.0.0.1:%d" % listener.getsockname()[1]]
        for name, value in {"count": 20, **options}.items():
            words += ["--" + name, str(value)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        thread.join(60)
    return done.returncode, json.loads(done.stdout)


class LoadTest(unittest.TestCase):
    def test_counts_what_it_did(self):
        for mode, operations in (("put", 20), ("churn", 40), ("cycle", 60)):
            for split in (1, 7, 1 << 20):
                status, result = run(mode, split=split)
                self.assertEqual((status, result["errors"]), (0, 0), (mode, split, result))
                self.assertEqual((result["ops"], result["jobs"]), (operations, 20), (mode, split))

    def test_pipelines(self):
        for extra in ({}, {"payload": 5000}):
            status, result = run("cycle", pipeline=8, split=100, **extra)
            self.assertEqual((status, result["errors"], result["ops"]), (0, 0, 60), result)

    def refuses(self, mode, word, reply, said):
        status, result = run(mode, {word: reply})
        self.assertEqual(status, 1, result)
        self.assertGreater(result["errors"], 0)
        self.assertIn(said, result["error"])

    def test_refuses_wrong_replies(self):
        self.refuses("put", b"put", b"DRAINING\r\n", "wrong reply to put: DRAINING")
        self.refuses("put", b"put", b"BURIED 1\r\n", "wrong reply to put")
        self.refuses("put", b"put", b"INSERTED\r\n", "wrong reply to put")
        self.refuses("put", b"put", b"INSERTED 1\r\nINSERTED 1\r\n", "unasked reply")
        self.refuses("churn", b"delete", b"NOT_FOUND\r\n", "wrong reply to delete: NOT_FOUND")
        self.refuses("cycle", b"reserve", b"TIMED_OUT\r\n", "wrong reply to reserve")
        self.refuses("cycle", b"reserve", b"RESERVED 1 3\r\nabc\r\n", "wrong reply to reserve")
        body = b"RESERVED 1 64\r\n" + b"z" * 64 + b"\r\n"
        self.refuses("cycle", b"reserve", body, "wrong reply to reserve")

    def test_refuses_a_closed_connection(self):
        self.refuses("put", b"put", None, "closed")

    def test_rejects_nonsense_options(self):
        for words in (["put"], ["nonsense"], ["put", "--address", "127.0.0.1:1", "--count", "x"]):
            done = subprocess.run([PROGRAM] + words, capture_output=True, timeout=60)
            self.assertEqual(done.returncode, 2, words)


if __name__ == "__main__":
    unittest.main()
