"""One Python process with channel layers, driven by JSON lines.

Each line of standard input is a request, {"id": 1, "op": "group_send", "layer": "a", ...};
each gets one line of standard output, {"id": 1, "result": ...} or
{"id": 1, "error": "ChannelFull", "text": "..."}. Requests run side by side. The
process ends with its standard input.

PEER_CLOCK=90 sets this process's clock that many seconds ahead of the machine's.
"""

import asyncio
import functools
import json
import math
import os
import sys
import threading
import time
import traceback

if os.environ.get("PEER_CLOCK"):
    # Before any layer, or Fernet, has taken the function for itself.
    _time, _ahead = time.time, float(os.environ["PEER_CLOCK"])
    time.time = lambda: _time() + _ahead

from asgiref.sync import async_to_sync
from django.conf import settings

if not settings.configured:
    settings.configure()

from importlib import metadata

from channels_redis.core import RedisChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer

BACKENDS = {"core": RedisChannelLayer, "pubsub": RedisPubSubChannelLayer}


def unpack(value):
    """Python's value for what a line of JSON says."""
    if isinstance(value, list):
        return [unpack(v) for v in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((key, inner),) = value.items()
        if key == "$bytes":
            return bytes.fromhex(inner)
        if key == "$float":
            return float(inner)
        if key == "$deep":
            return functools.reduce(lambda value, _: [value], range(inner), "bottom")
    return {k: unpack(v) for k, v in value.items()}


def pack(value):
    """The reverse of unpack, which keeps apart what JSON would not."""
    if isinstance(value, dict):
        return {k: pack(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [pack(v) for v in value]
    if isinstance(value, (bytes, bytearray)):
        return {"$bytes": value.hex()}
    if isinstance(value, float) and not math.isfinite(value):
        return {"$float": repr(value)}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return {"$repr": repr(value)}


class Collector:
    """A channel in some groups, and what has arrived on it so far."""

    def __init__(self, layer, channel):
        self.layer = layer
        self.channel = channel
        self.messages = []
        self.errors = []
        self.changed = asyncio.Event()
        self.task = asyncio.ensure_future(self.run())

    async def run(self):
        while True:
            try:
                message = await self.layer.receive(self.channel)
                self.messages.append(message)
            except asyncio.CancelledError:
                raise
            except Exception as e:
                self.errors.append("%s: %s" % (type(e).__name__, e))
                if len(self.errors) > 100:
                    return
            self.changed.set()

    async def wait(self, count, timeout, settle):
        """The messages, once there are as many or the time is up, and a moment later."""
        deadline = time.monotonic() + timeout
        while len(self.messages) + len(self.errors) < count:
            self.changed.clear()
            left = deadline - time.monotonic()
            if left <= 0:
                break
            try:
                await asyncio.wait_for(self.changed.wait(), left)
            except asyncio.TimeoutError:
                break
        if settle:
            await asyncio.sleep(settle)
        messages, self.messages = self.messages, []
        errors, self.errors = self.errors, []
        return {"messages": messages, "errors": errors}


class Peer:
    def __init__(self):
        self.layers = {}
        self.collectors = {}

    async def op_versions(self):
        names = ("channels", "channels_redis", "django", "daphne", "redis", "aioredis")
        found = {"python": sys.version.split()[0]}
        for name in names:
            try:
                found[name] = metadata.version(name)
            except metadata.PackageNotFoundError:
                pass
        return found

    async def op_layer(self, layer, backend, config):
        self.layers[layer] = BACKENDS[backend](**config)

    async def op_new_channel(self, layer, prefix="specific"):
        return await self.layers[layer].new_channel(prefix)

    async def op_send(self, layer, channel, message):
        await self.layers[layer].send(channel, message)

    async def op_receive(self, layer, channel, timeout=5):
        return await asyncio.wait_for(self.layers[layer].receive(channel), timeout)

    async def op_group_add(self, layer, group, channel):
        await self.layers[layer].group_add(group, channel)

    async def op_group_discard(self, layer, group, channel):
        await self.layers[layer].group_discard(group, channel)

    async def op_group_send(self, layer, group, message):
        await self.layers[layer].group_send(group, message)

    async def op_burst(self, layer, sender, count, group=None, channel=None, pause=0, first=0):
        """Numbered messages, to a group or a channel."""
        for n in range(first, first + count):
            message = {"type": "test.message", "sender": sender, "n": n}
            if group is not None:
                await self.layers[layer].group_send(group, message)
            else:
                await self.layers[layer].send(channel, message)
            if pause:
                await asyncio.sleep(pause)

    async def op_thread_burst(self, layer, sender, count, group):
        """The same from a thread, as code without async has it: each call with a loop of its own."""

        def run():
            for n in range(count):
                message = {"type": "test.message", "sender": sender, "n": n}
                async_to_sync(self.layers[layer].group_send)(group, message)

        done = asyncio.get_running_loop().create_future()
        loop = asyncio.get_running_loop()

        def target():
            try:
                run()
            except BaseException as e:
                loop.call_soon_threadsafe(done.set_exception, e)
            else:
                loop.call_soon_threadsafe(done.set_result, None)

        threading.Thread(target=target).start()
        await done

    async def op_collect(self, layer, name, groups=(), channel=None):
        """Collects what arrives on that channel, or on a new one, in those groups."""
        if channel is None:
            channel = await self.layers[layer].new_channel()
        collector = Collector(self.layers[layer], channel)
        for group in groups:
            await self.layers[layer].group_add(group, channel)
        self.collectors[name] = collector
        return channel

    async def op_collected(self, name, count, timeout=5, settle=0):
        return await self.collectors[name].wait(count, timeout, settle)

    async def op_drop(self, name):
        collector = self.collectors.pop(name)
        collector.task.cancel()
        # Its receive may be in the middle of something that it does not leave.
        await asyncio.wait([collector.task], timeout=1)

    async def op_sleep(self, seconds):
        await asyncio.sleep(seconds)

    async def answer(self, request):
        identity = request.pop("id")
        op = request.pop("op")
        try:
            result = await getattr(self, "op_" + op)(**unpack(request))
            reply = {"id": identity, "result": pack(result)}
        except Exception as e:
            reply = {
                "id": identity,
                "error": type(e).__name__,
                "text": str(e),
                "trace": traceback.format_exc(),
            }
        sys.stdout.write(json.dumps(reply) + "\n")
        sys.stdout.flush()


async def main():
    peer = Peer()
    loop = asyncio.get_running_loop()
    lines = asyncio.Queue()

    def read():
        for line in sys.stdin:
            loop.call_soon_threadsafe(lines.put_nowait, line)
        loop.call_soon_threadsafe(lines.put_nowait, None)

    threading.Thread(target=read, daemon=True).start()
    running = set()
    while True:
        line = await lines.get()
        if line is None:
            # What still runs belongs to nobody.
            os._exit(0)
        task = asyncio.ensure_future(peer.answer(json.loads(line)))
        running.add(task)
        task.add_done_callback(running.discard)


asyncio.run(main())
