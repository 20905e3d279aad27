"""The benchmark's site in Django Channels, as its tutorial writes a chat.

CHANNELS_LAYER  memory, core or pubsub
CHANNELS_REDIS  the URL of Redis, for the last two
"""

import gc
import json
import os
import time

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpResponse, JsonResponse
from django.urls import path

LAYERS = {
    "memory": {"BACKEND": "channels.layers.InMemoryChannelLayer"},
    "core": {"BACKEND": "channels_redis.core.RedisChannelLayer"},
    "pubsub": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer"},
}
layer = LAYERS[os.environ.get("CHANNELS_LAYER", "memory")]
if "CHANNELS_REDIS" in os.environ:
    layer["CONFIG"] = {"hosts": [os.environ["CHANNELS_REDIS"]]}
settings.configure(
    SECRET_KEY="for the benchmark",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["channels"],
    CHANNEL_LAYERS={"default": layer},
)
http = get_asgi_application()

from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import get_channel_layer
from channels.routing import ProtocolTypeRouter, URLRouter

EVERYONE = "everyone"
# What a message has beside its data, with the spaces of json.dumps.
OVERHEAD = len('{"type": "chat.message", "t": 1234567890123456789, "data": ""}')


class ChatConsumer(AsyncWebsocketConsumer):
    async def connect(self):
        await self.channel_layer.group_add(EVERYONE, self.channel_name)
        await self.accept()

    async def disconnect(self, code):
        await self.channel_layer.group_discard(EVERYONE, self.channel_name)

    async def receive(self, text_data=None, bytes_data=None):
        message = json.loads(text_data)
        if message["type"] == "echo.message":
            await self.send(text_data=json.dumps(message))

    async def chat_message(self, event):
        await self.send(text_data=json.dumps(event))


async def broadcast(request):
    n, size = int(request.GET["n"]), int(request.GET["size"])
    group_send, data = get_channel_layer().group_send, "x" * max(size - OVERHEAD, 0)
    for _ in range(n):
        await group_send(EVERYONE, {"type": "chat.message", "t": time.time_ns(), "data": data})
    return HttpResponse()


async def stats(request):
    if request.GET.get("gc"):
        gc.collect()
    return JsonResponse({})


urlpatterns = [path("broadcast", broadcast), path("stats", stats)]
application = ProtocolTypeRouter(
    {"http": http, "websocket": URLRouter([path("ws", ChatConsumer.as_asgi())])}
)
