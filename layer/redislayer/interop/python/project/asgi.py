import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
http = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path

from .consumers import EchoConsumer, RoomConsumer

application = ProtocolTypeRouter(
    {
        "http": http,
        "websocket": URLRouter(
            [
                path("echo/", EchoConsumer.as_asgi()),
                path("room/<str:room>/", RoomConsumer.as_asgi()),
            ]
        ),
    }
)
