"""The same consumers on Django Channels: LAYER and REDIS in the environment, served by daphne as tier:application."""

import os

from django.conf import settings

# redis-py 8 gives up after five seconds, for which channels_redis waits for a message.
HOST = {"address": os.environ["REDIS"], "socket_timeout": 60}
kind = "core.RedisChannelLayer" if os.environ["LAYER"] == "core" else "pubsub.RedisPubSubChannelLayer"
settings.configure(
    CHANNEL_LAYERS={
        "default": {"BACKEND": "channels_redis." + kind, "CONFIG": {"hosts": [HOST]}},
    },
)

import django  # noqa: E402

django.setup()

from urllib.parse import parse_qs  # noqa: E402

from channels.generic.websocket import AsyncJsonWebsocketConsumer  # noqa: E402


class Seat(AsyncJsonWebsocketConsumer):
    async def connect(self):
        own = parse_qs(self.scope["query_string"].decode())["own"][0]
        await self.channel_layer.group_add("all", self.channel_name)
        await self.channel_layer.group_add("own." + own, self.channel_name)
        await self.accept()

    async def said(self, event):
        await self.send_json(event)


application = Seat.as_asgi()
