import json
import os

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.http import HttpResponse
from django.urls import path


def notify(request, group):
    """Sends the request's body to a group, as backends without async do."""
    message = json.loads(request.body)
    async_to_sync(get_channel_layer().group_send)(group, message)
    return HttpResponse(str(os.getpid()))


urlpatterns = [path("notify/<str:group>/", notify)]
