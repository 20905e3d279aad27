"""Vectors of the wire format with random values, made by channels_redis itself.

    vectors.py folder SEED DIR    files as in testdata/vectors, but for the commands, for
                                  which there is commands.py; of the latest version
    vectors.py exchange SEED N    prints N messages for each layer, format and set of
                                  keys, with their payloads, as one line of JSON; takes a
                                  line with a list of payloads made of the same messages,
                                  and prints a list of what is wrong with them
"""

import json
import struct
import sys
import zlib

from django.conf import settings

if not settings.configured:
    settings.configure()

from channels_redis.core import RedisChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer

from values import Values, pack, plain, written

BACKENDS = {"core": RedisChannelLayer, "pubsub": RedisPubSubChannelLayer}


def outcome(f, *args):
    try:
        return {"decoded": written(f(*args))}
    except Exception as e:
        return {"error": {"type": "%s.%s" % (type(e).__module__, type(e).__name__), "text": str(e)}}


def wide(r, value):
    """MessagePack as another encoder might write it: any size of head that is large enough."""
    if isinstance(value, bool) or value is None or isinstance(value, float):
        import msgpack

        return msgpack.packb(value)
    if isinstance(value, int):
        formats = [(0xD3, ">q")] if value < 0 else [(0xCF, ">Q")]
        formats += [(c, f) for c, f, bits in ((0xD2, ">i", 31), (0xD1, ">h", 15), (0xD0, ">b", 7)) if -(1 << bits) <= value < 1 << bits]
        head, fmt = r.choice(formats)
        return bytes([head]) + struct.pack(fmt, value)
    heads = {str: (0xD9, 0xDA, 0xDB), bytes: (0xC4, 0xC5, 0xC6), list: (None, 0xDC, 0xDD), dict: (None, 0xDE, 0xDF)}[type(value)]
    data = value.encode() if isinstance(value, str) else value
    i = r.choice([i for i in range(3) if heads[i] and len(data) < 1 << (8 << i)])
    b = bytes([heads[i]]) + struct.pack((">B", ">H", ">I")[i], len(data))
    if isinstance(value, dict):
        return b + b"".join(wide(r, k) + wide(r, v) for k, v in value.items())
    if isinstance(value, list):
        return b + b"".join(wide(r, v) for v in value)
    return b + data


def loose(r, message):
    """JSON as another encoder might write it."""
    text = json.dumps(
        message, ensure_ascii=r.random() < 0.5, indent=r.choice((None, None, 1)),
        separators=r.choice(((",", ":"), (", ", ": "), (" , ", "\t:\n"))),
    )
    return text.encode(r.choice(("utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be")))


def payload_cases(values, serializer, binary):
    for i in range(80):
        m = values.message(binary)
        yield {"name": "random_%d" % i, "message": written(m), "payload_hex": serializer.as_bytes(m).hex()}


def decode_cases(values, serializer, binary):
    for i in range(80):
        m = values.message(binary)
        b = wide(values.r, m) if binary else loose(values.r, m)
        if i % 4 == 0:
            b = b[: values.r.randrange(len(b))]
        yield {"name": "random_%d" % i, "payload_hex": b.hex(), **outcome(serializer.from_bytes, b)}


def fernet_cases(values, registry):
    import cryptography.fernet as fernet

    keys = ["".join(values.text() for _ in range(2)) or "k", "a second one"]
    core = BACKENDS["core"](symmetric_encryption_keys=keys)
    for i in range(40):
        index, name = i % 2, ("msgpack", "json")[i // 2 % 2]
        m = values.dict(name == "msgpack", 5)
        plain = registry.get_serializer(name).as_bytes(m)
        at, iv, prefix = values.r.randrange(1 << 32), values.r.randbytes(16), values.r.randbytes(12)
        token = core._serializer.make_fernet(keys[index])._encrypt_from_parts(plain, at, iv)
        yield {
            "name": "random_%d" % i, "serializer": name, "key_index": index, "key": keys[index], "time": at, "iv_hex": iv.hex(),
            "message": written(m), "token": token.decode(), "core_member_hex": (prefix + token).hex(),
        }
        # As the layers open it, some time later.
        for layer, expiry in (("core", values.r.randrange(100)), ("pubsub", None)):
            if name != "msgpack":
                continue
            now = at + values.r.choice((-100, -61, -60, -1, 0, 1, 10, (expiry or 0) + 9, (expiry or 0) + 10, (expiry or 0) + 11, 9999))
            damaged = bytearray(token)
            if i % 8 == 0:
                damaged[values.r.randrange(len(damaged))] ^= 1
            opener = registry.get_serializer("msgpack", symmetric_encryption_keys=keys)
            ttl = None if expiry is None else expiry + 10
            real = fernet.time.time
            fernet.time.time = lambda: now
            try:
                end = {"decoded": written(opener.from_bytes(opener.crypter.decrypt(bytes(damaged), ttl)))}
            except fernet.InvalidToken:
                end = {"error": "cryptography.fernet.InvalidToken"}
            finally:
                fernet.time.time = real
            yield {
                "name": "decrypt:%s:%d" % (layer, i), "layer": layer, "expiry": expiry, "token": damaged.decode("latin1"),
                "now": now, "token_time": at, **end,
            }


def hash_cases(values):
    from channels_redis.utils import _consistent_hash

    for i in range(100):
        name = values.text() or "x"
        yield {
            "name": name, "crc32": zlib.crc32(name.encode()),
            "ring": {str(n): _consistent_hash(name, n) for n in (1, 2, 3, 5, 8, 16, 100, 4096, values.r.randint(1, 4096))},
        }


def name_cases(values):
    layer = BACKENDS["core"]()
    alphabet = "aZ0-_.-_.9" * 5 + "!!!:/ \u0661\u0966\u00e9\n"

    def verdict(check, *args, **kwargs):
        try:
            check(*args, **kwargs)
            return {"ok": True}
        except TypeError as e:
            return {"ok": False, "error": "builtins.TypeError", "text": str(e)}

    for i in range(200):
        name = "".join(values.r.choice(alphabet) for _ in range(values.r.choice((0, 1, 5, 10, 98, 99, 100))))
        yield {
            "name": name, "channel": verdict(layer.require_valid_channel_name, name),
            "channel_receive": verdict(layer.require_valid_channel_name, name, receive=True),
            "group": verdict(layer.require_valid_group_name, name),
        }


def capacity_cases(values):
    r = values.r
    for i in range(30):
        pattern = lambda: "".join(r.choice(("a", "b", "*", "?", "[ab]", "[!a]", "[a-c]", "[", "]", ".", "!", "*!*")) for _ in range(r.randint(1, 5)))
        config = {"capacity": r.randint(1, 150), "channel_capacity": {pattern(): r.randint(1, 150) for _ in range(r.randint(0, 5))}}
        layer = BACKENDS["core"](**config)
        for _ in range(3):
            name = r.choice("abc") + "".join(r.choice("abc.-") for _ in range(r.randint(0, 4)))
            name += r.choice(("", "!", "!" + r.choice("abc")))
            yield {"name": name, "capacity": layer.get_capacity(name), "config": config}


def folder(seed, where):
    from channels_redis.serializers import registry

    values = Values(seed)
    files = {"fernet": fernet_cases(values, registry), "consistent_hash": hash_cases(values), "names": name_cases(values), "capacity": capacity_cases(values)}
    for name in ("msgpack", "json"):
        serializer, binary = registry.get_serializer(name), name == "msgpack"
        files["payload_" + name] = payload_cases(values, serializer, binary)
        files["decode_" + name] = decode_cases(values, serializer, binary)
    for name, cases in files.items():
        with open("%s/%s.json" % (where, name), "w") as f:
            json.dump({"about": "random, of seed %d" % seed, "cases": list(cases)}, f)


def exchange(seed, count):
    values, layers, cases, sent = Values(seed), [], [], []
    for backend in BACKENDS:
        for keys in (None, ["new", "old"]):
            for name in ("msgpack", "json"):
                # Older versions have MessagePack only, and a pub/sub layer that ignores its keys.
                if "channels_redis.serializers" not in sys.modules and (name == "json" or backend == "pubsub" and keys):
                    continue
                config = {"symmetric_encryption_keys": keys} if keys else {}
                if name == "json":
                    config["serializer_format"] = name
                layer = BACKENDS[backend](**config)
                for _ in range(count):
                    message = values.message(name == "msgpack")
                    layers.append(layer)
                    sent.append(message)
                    cases.append({
                        "backend": backend, "format": name, "keys": keys or [], "message": pack(message),
                        "payload": layer.serialize(message).hex(),
                    })
    print(json.dumps(cases), flush=True)
    faults = []
    for i, payload in enumerate(json.loads(sys.stdin.readline())):
        try:
            got = layers[i].deserialize(bytes.fromhex(payload))
            if plain(got) != plain(sent[i]):
                faults.append("%d: %r, which was %r" % (i, got, sent[i]))
        except Exception as e:
            faults.append("%d: %s: %s" % (i, type(e).__name__, e))
    print(json.dumps(faults), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "folder":
        folder(int(sys.argv[2]), sys.argv[3])
    else:
        exchange(int(sys.argv[2]), int(sys.argv[3]))
