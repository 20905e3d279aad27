"""Random values that Python and Go both have a form for, and how they are written."""

import json
import math
import random
import struct

BLOCKS = ((0x20, 0x7E), (0x20, 0x7E), (0, 0x1F), (0x7F, 0x7FF), (0x800, 0xD7FF), (0xE000, 0xFFFF), (0x10000, 0x10FFFF))


class Values:
    """Random values that both sides have a form for."""

    def __init__(self, seed):
        self.r = random.Random(seed)

    def text(self, most=20):
        r = self.r
        length = r.choice((0, 1, r.randint(0, most), r.randint(0, most), 31, 32, r.randint(200, 300)))
        return "".join(chr(r.randint(*r.choice(BLOCKS))) for _ in range(length))

    def integer(self):
        r = self.r
        edge = r.choice((0, 1 << 5, 1 << 7, 1 << 8, 1 << 15, 1 << 16, 1 << 31, 1 << 32, 1 << 53, 1 << 63, 1 << 64))
        n = r.choice((edge + r.randint(-2, 2), r.getrandbits(r.randint(1, 64))))
        return max(-(1 << 63), min((1 << 64) - 1, r.choice((n, -n))))

    def float(self):
        r = self.r
        return r.choice((
            struct.unpack(">d", r.getrandbits(64).to_bytes(8, "big"))[0], r.uniform(-1, 1), float(r.randint(-999, 999)),
            10.0 ** r.randint(-320, 308), r.choice((0.0, -0.0, math.inf, -math.inf, math.nan)),
        ))

    def value(self, binary, depth=0):
        r = self.r
        kind = r.choice(("none", "bool", "int", "int", "float", "float", "text", "text", "bytes", "list", "dict"))
        if kind == "none":
            return None
        if kind == "bool":
            return r.random() < 0.5
        if kind == "int":
            return self.integer()
        if kind == "float":
            f = self.float()
            # One NaN, as JSON has no more; the others lose their bits there.
            return math.nan if math.isnan(f) else f
        if kind == "bytes" and binary:
            return r.getrandbits(8 * 300).to_bytes(300, "big")[: r.choice((0, 1, 31, 255, 256, 300))]
        if kind == "list" and depth < 6:
            return [self.value(binary, depth + 1) for _ in range(r.choice((0, 1, 3, 15, 16)) >> depth)]
        if kind == "dict" and depth < 6:
            return self.dict(binary, r.choice((0, 1, 3, 15, 16)) >> depth, depth + 1)
        return self.text()

    def dict(self, binary, size, depth=0):
        d = {}
        for _ in range(size):
            key = self.text(10)
            # These stand for something else in the files.
            d["k" + key if key.startswith(("$", "_")) or key == "type" else key] = self.value(binary, depth)
        return dict(sorted(d.items())) if self.r.random() < 0.7 else d

    def message(self, binary):
        r = self.r
        m = self.dict(binary, r.choice((0, 1, 2, 4, 14, 15)))
        if r.random() < 0.3:
            m[r.choice(("Type", "TYPE"))] = self.value(binary, 3)
        m["type"] = "".join(chr(r.randint(0x21, 0x7E)) for _ in range(r.choice((1, 10, 31, 32, 100))))
        if r.random() < 0.5:
            m = dict(sorted(m.items()))
        if r.random() < 0.4:
            name = lambda: "specific.%032x!%032x" % (r.getrandbits(128), r.getrandbits(128))
            m["__asgi_channel__"] = r.choice((name(), [name() for _ in range(r.choice((1, 2, 17)))]))
        return m


def written(value):
    """A value as vector files have it."""
    if isinstance(value, dict):
        return {k: written(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [written(v) for v in value]
    if isinstance(value, (bytes, bytearray)):
        return {"$bytes": bytes(value).hex()}
    if isinstance(value, float):
        return {"$float": repr(value), "$bits": struct.pack(">d", value).hex()}
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 1 << 53:
        return {"$int": str(value)}
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return {"$repr": repr(value)}


def pack(value):
    """A value as peer.py has it, in JSON that keeps everything apart."""
    if isinstance(value, dict):
        return {k: pack(v) for k, v in value.items()}
    if isinstance(value, list):
        return [pack(v) for v in value]
    if isinstance(value, bytes):
        return {"$bytes": value.hex()}
    if isinstance(value, float) and not math.isfinite(value):
        return {"$float": repr(value)}
    return value


def plain(value):
    return json.dumps(pack(value), sort_keys=True)
