"""Sends by the real channels_redis, in bursts: sender.py LAYER URL INDEX SENDERS GROUPS CAPACITY CONNECTIONS

For each line SIZE TO_ALL AT_ONCE PAD that it reads it sends so many messages, of which so
many to the group of all and the others to groups of one, in turn, so many at a time, and
with so many bytes of padding. Then it prints how many went to each.
"""

import asyncio
import json
import sys

from channels_redis.core import RedisChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer

OWN_IDS = 1_000_000
STRIDE = 7919  # a prime, as groups that follow each other are in one Go process


class Sender:
    def __init__(self, layer, index, senders, groups):
        self.layer, self.serial, self.step, self.groups = layer, index, senders, groups

    async def burst(self, size, to_all, at_once, pad):
        kinds = iter([n * to_all // size != (n + 1) * to_all // size for n in range(size)])
        await asyncio.gather(*(self.some(kinds, "x" * pad) for _ in range(at_once)))
        return {"All": to_all, "Own": size - to_all}

    async def some(self, kinds, pad):
        for to_all in kinds:
            serial = self.serial
            self.serial += self.step
            group = "all" if to_all else "own.%d" % (serial * STRIDE % self.groups)
            number = serial if to_all else OWN_IDS + serial
            await self.layer.group_send(group, {"type": "said", "id": number, "pad": pad})


async def main(kind, url, index, senders, groups, capacity, connections):
    # Each send under way has a connection, of which redis-py 8 allows a hundred by default.
    # All are opened at once at first, which on a busy machine takes longer than its five seconds.
    hosts = [{"address": url, "max_connections": int(connections), "socket_connect_timeout": 60}]
    if kind == "core":
        layer = RedisChannelLayer(hosts=hosts, capacity=int(capacity))
    else:
        layer = RedisPubSubChannelLayer(hosts=hosts)
    sender = Sender(layer, int(index), int(senders), int(groups))
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await sender.burst(*map(int, line.split()))), flush=True)


asyncio.run(main(*sys.argv[1:]))
