"""A client of etcd's JSON gateway, of which tests may believe that it does nothing behind their
back: one connection, one request at a time, no retries."""

import base64
import http.client
import json


def b64(text):
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


def text(value):
    return base64.b64decode(value).decode()


class Gateway:
    def __init__(self, address, timeout_s=40):
        self.connection = http.client.HTTPConnection(*address, timeout=timeout_s)

    def post(self, path, body):
        """(status, object)"""
        self.connection.request("POST", f"/v3/{path}", json.dumps(body))
        response = self.connection.getresponse()
        return response.status, json.loads(response.read())

    def get_page(self, path):
        self.connection.request("GET", path)
        response = self.connection.getresponse()
        return response.status, json.loads(response.read())

    def ok(self, path, body):
        status, answer = self.post(path, body)
        assert status == 200, (status, answer)
        return answer

    def watch(self, **create):
        """Begins one, and reads what it is told first; the connection is its from now on."""
        self.connection.request("POST", "/v3/watch", json.dumps({"create_request": create}))
        self.stream = self.connection.getresponse()
        created = self.next_line()
        assert created.get("created"), created
        return created

    def next_line(self):
        """What a stream says next."""
        line = self.stream.readline()
        if not line.endswith(b"\n"):
            raise ConnectionError("the stream is over")
        return json.loads(line)["result"]

    def put(self, key, value):
        return self.ok("kv/put", {"key": b64(key), "value": b64(value)})

    def get(self, key, **more):
        """What the key holds, or None."""
        kvs = self.ok("kv/range", {"key": b64(key), **more}).get("kvs", [])
        return text(kvs[0]["value"]) if kvs else None

    def all(self, **more):
        """(revision, {key: value})"""
        answer = self.ok("kv/range", {"key": b64(b"\0"), "range_end": b64(b"\0"), **more})
        kvs = answer.get("kvs", [])
        return int(answer["header"]["revision"]), {text(kv["key"]): text(kv["value"]) for kv in kvs}

    def close(self):
        self.connection.close()
