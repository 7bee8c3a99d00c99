"""Damages the bytes of a request: flipped, cut, repeated, spliced, of the wrong wire type, nested too deep."""

from __future__ import annotations

MOST_BYTES = 300_000
TAGS = tuple(number << 3 | wire for number in (1, 2, 3, 4, 5, 16, 99) for wire in range(8))
DEPTHS = (2, 50, 99, 100, 101, 1_000, 20_000)


def varint(number):
    """Return a number as protobuf writes it."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def raw(rng):
    """Return bytes that never were a message."""
    return rng.randbytes(rng.choice((0, 1, 2, 7, 30, 200, 5_000)))


def damaged(rng, body, others):
    """Return a body with up to three kinds of damage; `others` are bodies to splice with."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        body = rng.choice(_DAMAGES)(rng, body, others)[:MOST_BYTES]
    return body


def _flip(rng, body, _others):
    changed = bytearray(body)
    for _ in range(min(rng.choice((1, 1, 2, 8)), len(body))):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _cut(rng, body, _others):
    start = rng.randrange(len(body) + 1)
    return body[:start] if rng.random() < 0.5 else body[:start] + body[start + rng.choice((1, 2, 10)) :]


def _repeat(rng, body, _others):
    return body * rng.choice((2, 3, 50))


def _splice(rng, body, others):
    other = rng.choice(others) if others else b""
    return body[: rng.randrange(len(body) + 1)] + other[rng.randrange(len(other) + 1) :]


def _concatenate(rng, body, others):
    return body + (rng.choice(others) if others else b"")


def _insert(rng, body, _others):
    place = rng.randrange(len(body) + 1)
    piece = rng.choice((varint(rng.choice(TAGS)), b"\xff" * 10, b"\x80" * 11, b"\0", varint(2**63), rng.randbytes(5)))
    return body[:place] + piece + body[place:]


def _wrong_type(rng, body, _others):
    value = rng.choice((varint(2**64 - 1), b"\xff" * 4, b"\xff" * 8, varint(3) + b"\xc3\x28\x80", varint(2**31)))
    return body + varint(rng.choice(TAGS)) + value


def _nest(rng, body, _others):
    tag = varint(rng.choice((1, 2, 3, 4, 5, 6)) << 3 | 2)
    for _ in range(rng.choice(DEPTHS)):
        body = tag + varint(len(body)) + body
        if len(body) > MOST_BYTES // 10:
            break
    return body


def _groups(rng, body, _others):
    depth = rng.choice(DEPTHS)
    return body + bytes([11]) * depth + bytes([12]) * rng.choice((0, depth))


_DAMAGES = (_flip, _flip, _cut, _cut, _repeat, _splice, _splice, _concatenate, _insert, _wrong_type, _nest, _groups)
