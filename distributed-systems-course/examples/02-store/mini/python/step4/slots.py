"""A key has a slot. From step 3 on all slots are the leader's."""

from binascii import crc_hqx

SLOTS = 16384


def slot_of(key: str) -> int:
    """Its slot. What stands in {braces} decides alone: so {seat:12}:name goes with {seat:12}."""
    start = key.find("{")
    end = key.find("}", start + 1)
    tag = key[start + 1 : end] if start >= 0 and end > start + 1 else key
    return crc_hqx(tag.encode("latin-1"), 0) % SLOTS
