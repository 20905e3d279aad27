"""A small Django project. What differs between two runs comes from the environment:

CHANNELS_BACKEND  core or pubsub
CHANNELS_CONFIG   the layer's CONFIG, as JSON: hosts, prefix, symmetric_encryption_keys ...
"""

import json
import os

SECRET_KEY = "for tests"
DEBUG = False
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "project.urls"
WSGI_APPLICATION = "project.wsgi.application"
ASGI_APPLICATION = "project.asgi.application"
INSTALLED_APPS = ["channels"]
MIDDLEWARE = []
DATABASES = {}
USE_TZ = True

_LAYERS = {
    "core": "channels_redis.core.RedisChannelLayer",
    "pubsub": "channels_redis.pubsub.RedisPubSubChannelLayer",
}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": _LAYERS[os.environ.get("CHANNELS_BACKEND", "core")],
        "CONFIG": json.loads(os.environ.get("CHANNELS_CONFIG", "{}")),
    }
}
