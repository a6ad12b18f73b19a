"""Who speaks on the peer port without being a node: as much of specs/peer.md as that takes."""

import os
import struct

from harness import Wire

HELLO, WELCOME, PROOF, REFUSED, FORWARD, CLOCK = 1, 2, 3, 4, 17, 25
NODE_GROUP = 65535
MEMBER = 2
VERSION = 4  # of the frames


def crc_table():
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        yield byte


CRC_TABLE = list(crc_table())


def crc32c(data):
    """By table: frames may be large."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def frame(kind, content, group=NODE_GROUP):
    rest = struct.pack("<BBH", kind, 1, group) + content
    return struct.pack("<II", 8 + len(rest), crc32c(rest)) + rest


def introduction(start, to, nonce, cluster=0, membership=0, index=0, address=b"", incarnation=1):
    return (
        struct.pack("<IHH", 0x52455051, VERSION, VERSION)
        + struct.pack("<QIIQBBQ", cluster, start, to, incarnation, membership, 0, 0)
        + nonce
        + struct.pack("<I", 5)
        + b"queue"
        + struct.pack("<QI", index, len(address))
        + address
        + struct.pack("<HB", 1, 0)  # one group, and no client address that is announced
    )


class Stranger(Wire):
    """One connection to a node's peer port."""

    def __init__(self, node):
        super().__init__(("127.0.0.1", node.peer_port), timeout_s=20)

    def send(self, kind, content, group=NODE_GROUP):
        self.say(frame(kind, content, group))

    def hear(self):
        """(type, content) of the next frame; None when the node has closed."""
        try:
            head = self.take(12)
            if len(head) < 12:
                return None
            size, _, kind, _, _ = struct.unpack("<IIBBH", head)
            return kind, self.take(size - 12)
        except ConnectionResetError:
            return None

    def hello(self, start, to, nonce=None, **more):
        """Claims to be node `start`; what the node answers."""
        self.send(HELLO, introduction(start, to, nonce or os.urandom(16), **more))
        return self.hear()


def nonce_of(welcome):
    """That of the node, in its WELCOME: what the answer has to prove the secret with."""
    return welcome[42:58]


def proof_of(welcome):
    return welcome[-32:]
