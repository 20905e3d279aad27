"""Sends to a group from forked processes, as tasks of Celery's prefork pool do.

fork.py BACKEND CONFIG GROUP WORKERS TASKS: the parent uses the layer once, so that
what it keeps is inherited, forks its workers and lets each run tasks, every one of
which calls async_to_sync(group_send).
"""

import json
import multiprocessing
import sys

from django.conf import settings

backend, config, group = sys.argv[1:4]
workers, tasks = int(sys.argv[4]), int(sys.argv[5])
layers = {"core": "channels_redis.core.RedisChannelLayer", "pubsub": "channels_redis.pubsub.RedisPubSubChannelLayer"}
settings.configure(CHANNEL_LAYERS={"default": {"BACKEND": layers[backend], "CONFIG": json.loads(config)}})

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer


def send(sender, n):
    message = {"type": "test.message", "sender": sender, "n": n}
    async_to_sync(get_channel_layer().group_send)(group, message)


def worker(number):
    for n in range(tasks):
        send("fork%d" % number, n)


if __name__ == "__main__":
    send("parent", 0)
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=worker, args=(i,)) for i in range(workers)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    sys.exit(max(process.exitcode for process in processes))
