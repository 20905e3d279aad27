from channels.generic.websocket import AsyncJsonWebsocketConsumer, AsyncWebsocketConsumer


class EchoConsumer(AsyncWebsocketConsumer):
    """Sends back every frame as it came."""

    async def receive(self, text_data=None, bytes_data=None):
        await self.send(text_data=text_data, bytes_data=bytes_data)


class RoomConsumer(AsyncJsonWebsocketConsumer):
    """A room, the group of that name, as a user of Channels writes one."""

    async def connect(self):
        self.group = "room." + self.scope["url_route"]["kwargs"]["room"]
        query = self.scope["query_string"].decode()
        if query == "deny":
            await self.close()
            return
        if query == "crash":
            raise RuntimeError("as asked")
        await self.channel_layer.group_add(self.group, self.channel_name)
        chosen = "room.v2" if "room.v2" in self.scope["subprotocols"] else None
        await self.accept(chosen)
        await self.send_json({"type": "welcome", "query": query, "subprotocol": chosen})

    async def receive_json(self, content):
        kind = content.get("type")
        if kind == "echo":
            await self.send_json(content)
        elif kind == "say":
            await self.channel_layer.group_send(
                self.group, {"type": "room.said", "text": content.get("text"), "n": content.get("n")}
            )
        elif kind == "leave":
            await self.channel_layer.group_discard(self.group, self.channel_name)
            await self.send_json({"type": "left the room"})
        elif kind == "close":
            if "reason" in content:
                await self.close(content.get("code"), content["reason"])
            else:
                await self.close(content.get("code"))
            if content.get("then") == "send":
                await self.send_json({"type": "after the close"})
        elif kind == "crash":
            raise RuntimeError("as asked")

    async def room_said(self, event):
        await self.send_json(event)

    async def room_gone(self, event):
        await self.send_json(event)

    async def room_crash(self, event):
        raise RuntimeError("as asked")

    async def disconnect(self, code):
        await self.channel_layer.group_discard(self.group, self.channel_name)
        await self.channel_layer.group_send(self.group, {"type": "room.gone", "code": code})
