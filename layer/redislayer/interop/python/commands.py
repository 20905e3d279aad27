"""Random calls on the layers of channels_redis, with every command that they sent.

    commands.py SEED DIR PORT...    core_commands and pubsub_commands, as in
                                    testdata/vectors, made with redis-servers at those
                                    ports of the loopback, which are emptied
"""

import asyncio
import json
import os
import sys

from django.conf import settings

if not settings.configured:
    settings.configure()

import channels_redis.core
import cryptography.fernet
import redis.asyncio
from channels_redis.core import RedisChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer

from values import Values, written

SECOND = 1_000_000


class Clock:
    """Stands for the module time, in microseconds."""

    def __init__(self, r):
        self.now = 1_800_000_000 * SECOND + r.randrange(SECOND)

    def time(self):
        return self.now / SECOND


def text(b):
    try:
        return b.decode()
    except UnicodeDecodeError:
        return {"$bytes": b.hex()}


async def read(reader):
    """One value of RESP2."""
    line = (await reader.readuntil(b"\r\n"))[:-2]
    kind, rest = line[:1], line[1:]
    if kind == b"+":
        return {"$status": rest.decode()}, line
    if kind == b"-":
        return {"$error": rest.decode()}, line
    if kind == b":":
        return int(rest), line
    if kind == b"$":
        return (None if rest == b"-1" else text((await reader.readexactly(int(rest) + 2))[:-2])), line
    return (None if rest == b"-1" else [(await read(reader))[0] for _ in range(int(rest))]), line


class Tap:
    """Passes connections on to a server and keeps what goes by, in the list that is the current one."""

    current = None

    def __init__(self, shard, port):
        self.shard, self.port, self.waiting = shard, port, 0

    async def listen(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        return "redis://127.0.0.1:%d" % self.server.sockets[0].getsockname()[1]

    async def serve(self, reader, writer):
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self.port)
        waiting = []
        try:
            await asyncio.gather(
                self.pass_on(reader, server_writer, lambda v: self.command(v, waiting)),
                self.pass_on(server_reader, writer, lambda v: self.reply(v, waiting)),
            )
        except (OSError, asyncio.CancelledError):
            pass  # the end

    async def pass_on(self, reader, writer, note):
        seen = asyncio.StreamReader(limit=1 << 26)

        async def parse():
            while True:
                note((await read(seen))[0])

        parser = asyncio.ensure_future(parse())
        try:
            while b := await reader.read(1 << 16):
                seen.feed_data(b)
                await asyncio.sleep(0)  # it is noted before it is passed on
                writer.write(b)
        finally:
            parser.cancel()
            writer.close()

    def command(self, words, waiting):
        if words[0] in ("CLIENT", "SELECT", "PING", "HELLO"):
            waiting.append({})
            return
        entry = {"shard": self.shard, "command": words}
        Tap.current.append(entry)
        waiting.append(entry)
        self.waiting += 1

    def reply(self, value, waiting):
        if isinstance(value, list) and value and value[0] == "message":
            Tap.current.append({"shard": self.shard, "push": value})
        elif waiting:
            entry = waiting.pop(0)
            self.waiting -= "command" in entry
            entry["reply"] = value


class Case:
    """One sequence of calls by layers that stand for processes."""

    def __init__(self, name, backend, config, ports, clock):
        self.ports, self.clock = ports, clock
        self.case = {"name": name, "hosts": len(ports), "config": config, "steps": []}
        self.backend, self.config = backend, config
        self.direct = [redis.asyncio.Redis(port=p) for p in ports]

    async def begin(self):
        self.taps = [Tap(shard, port) for shard, port in enumerate(self.ports)]
        hosts = [await t.listen() for t in self.taps]
        for d in self.direct:
            await d.flushall()
        self.layers = {by: self.backend(hosts=hosts, **self.config) for by in "ABC"}

    async def call(self, by, name, *args):
        step = {"by": by, "call": [name, *(written(a) for a in args)], "commands": []}
        self.case["steps"].append(step)
        Tap.current = step["commands"]
        try:
            result = await asyncio.wait_for(getattr(self.layers[by], name)(*args), 20)
            step["result"] = written(result)
            return result
        except TimeoutError:
            raise  # nothing here is to wait in vain
        except Exception as e:
            step["error"] = "%s.%s" % (type(e).__module__, type(e).__name__)
        finally:
            # What has been written is read by the taps, which run in this loop, and a received message is removed in
            # the background.
            await asyncio.sleep(0.005)
            for _ in range(20):
                await asyncio.sleep(0)
            while any(t.waiting for t in self.taps):
                await asyncio.sleep(0.001)

    async def waits(self, by, channel, single):
        """Says whether a receive finds a message, by looking into the servers."""
        layer = self.layers[by]
        if "!" not in channel:
            # Go takes none that has expired.
            first = await self.direct[0].zrange(layer.prefix + channel, 0, 0, withscores=True) if single else []
            return bool(first) and first[0][1] > self.clock.time() - layer.expiry + 1
        if not layer.receive_buffer[channel].empty():
            return True
        key = layer.prefix + layer.non_local_name(channel)
        for d in self.direct:
            for member in await d.zrange(key, 0, -1):
                try:
                    if channel in layer.deserialize(member).get("__asgi_channel__", ()):
                        return True
                except cryptography.fernet.InvalidToken:
                    return False  # it has expired, and receive would raise
        return False

    async def arrived(self, channel, by, count):
        """Waits until a pub/sub layer has put so many messages into a channel's queue. It reads in a task of its own, as
        late as 0.1 s after its first subscription, and drops what it reads after a group_discard."""
        async def fill():
            while self.layers[by].channels[channel].qsize() < count:
                await asyncio.sleep(0.001)

        await asyncio.wait_for(fill(), 20)

    async def end(self):
        after = []
        for shard, d in enumerate(self.direct):
            for key in sorted(await d.keys("*")):
                zset = [[text(m), score] for m, score in await d.zrange(key, 0, -1, withscores=True)]
                after.append({"shard": shard, "key": key.decode(), "ttl": await d.ttl(key), "zset": zset})
            await d.aclose()
        self.case["redis_after"] = after
        Tap.current = []
        for layer in self.layers.values():
            await (layer.close_pools() if hasattr(layer, "close_pools") else layer.flush())
        for t in self.taps:
            t.server.close()
        return self.case


def config(values, r):
    c = {}
    if r.random() < 0.4:
        c["prefix"] = r.choice(("myapp", "my:app:", "a", "é"))
    if r.random() < 0.3:
        c["serializer_format"] = "json"
    if r.random() < 0.3:
        c["symmetric_encryption_keys"] = [values.text() or "k" for _ in range(r.randint(1, 3))]
    return c


def message(values, binary):
    m = values.message(binary)
    for key in ("__asgi_channel__", "Type", "TYPE"):  # which Go refuses to send
        m.pop(key, None)
    return m


async def core_case(n, values, ports, clock):
    r = values.r
    c = config(values, r)
    for key, choices in {
        "expiry": (60, 100, 300), "group_expiry": (200, 1000, 86400), "capacity": (1, 2, 3, 100), "random_prefix_length": (0, 5, 16),
        "channel_capacity": ({"work*": 1}, {"specific.*": 2, "*": 5}, {"jobs": 1, "*": 2}),
    }.items():
        if r.random() < 0.3:
            c[key] = r.choice(choices)
    ports = ports[: r.choice((1, 1, 2, 3))]
    if len(ports) > 1:  # Python counts what is on each for itself, Go what is on all
        c.pop("capacity", None), c.pop("channel_capacity", None)
    x = Case("random_%d" % n, RedisChannelLayer, c, ports, clock)
    await x.begin()
    binary, single = c.get("serializer_format") != "json", len(x.ports) == 1

    channels = {}
    for by in "ABA":
        channels[await x.call(by, "new_channel")] = by
    plain, groups = ["worker", "jobs", "a.b-c_d"], ["test", "g.1", "room-42"]
    for _ in range(r.randint(6, 20)):
        clock.now += r.choice((1, r.randrange(SECOND), r.randrange(5 * SECOND)))
        op = r.choice(("send", "send", "group_add", "group_add", "group_discard", "group_send", "group_send", "receive", "error", "wait"))
        channel = r.choice(plain + list(channels))
        by, group = channels.get(channel, "C"), r.choice(groups)
        if op == "send":
            # Where there are several hosts, direct sends are lost and each process takes turns for itself.
            if single or channel in plain:
                await x.call(r.choice("ABC") if single else "A", "send", channel, message(values, binary))
        elif op == "group_send":
            await x.call(r.choice("ABC"), "group_send", group, message(values, binary))
        elif op in ("group_add", "group_discard"):
            await x.call(by, op, group, channel)
        elif op == "wait":
            if single:  # or else Python looks for what has expired on the wrong server
                clock.now += r.choice((20, 90, 250)) * SECOND
        elif op == "error":
            await x.call("A", *r.choice((
                ("send", "bad name", message(values, binary)), ("group_send", "bad!name", message(values, binary)), ("group_add", "test", "bad name"),
                ("group_discard", "bad name", channel), ("send", "worker", "no message"),
            )))
        elif await x.waits(by, channel, single):
            await x.call(by, "receive", channel)
    if r.random() < 0.1:
        await x.call("B", "flush")
    return await x.end()


async def pubsub_case(n, values, ports, clock):
    r = values.r
    c = config(values, r)
    x = Case("random_%d" % n, RedisPubSubChannelLayer, c, ports[: r.choice((1, 2, 3))], clock)
    await x.begin()
    binary = c.get("serializer_format") != "json"
    boxes, groups, queued = {}, {}, {}
    names = ["test", "user:42", values.text() or "x", "room/7"]

    for _ in range(r.randint(6, 24)):
        op = r.choice(("new_channel", "send", "group_add", "group_add", "group_discard", "group_send", "group_send", "receive", "receive"))
        if op == "new_channel" or not boxes:
            by = r.choice("AB")
            channel = await x.call(by, "new_channel")
            boxes[channel], queued[channel] = by, 0
            continue
        channel, group = r.choice(list(boxes)), r.choice(names)
        by = boxes[channel]
        if op in ("send", "group_send"):
            to = [channel] if op == "send" else groups.get(group, ())
            if len(x.ports) > 1 and any(queued[c] for c in to):
                continue  # what comes by two servers has no order
            await x.call(r.choice("AB"), op, channel if op == "send" else group, message(values, binary))
            for c in to:
                queued[c] += 1
                await x.arrived(c, boxes[c], queued[c])
        elif op == "group_add":
            await x.call(by, op, group, channel)
            groups.setdefault(group, set()).add(channel)
        elif op == "group_discard":
            await x.call(by, op, group, channel)
            groups.get(group, set()).discard(channel)
        elif queued[channel] > 0:
            await x.call(by, op, channel)
            queued[channel] -= 1
    return await x.end()


async def main(seed, where, ports):
    values = Values(seed)
    clock = channels_redis.core.time = cryptography.fernet.time = Clock(values.r)
    files = {
        "core_commands": [await core_case(n, values, ports, clock) for n in range(25)],
        "pubsub_commands": [await pubsub_case(n, values, ports, clock) for n in range(12)],
    }
    for name, cases in files.items():
        with open(os.path.join(where, name + ".json"), "w") as f:
            json.dump({"about": "random, of seed %d" % seed, "cases": cases}, f)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], [int(p) for p in sys.argv[3:]]))
