"""A client of Python that has the conversations it reads, all at once, and prints what
it saw in each: client.py URL < conversations.json
"""

import asyncio
import hashlib
import json
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

PATIENCE = 60
TEXT = b"0123456789abcdef"
BINARY = bytes((i * i * 31 + i * 7) % 256 for i in range(65536))


def data(step):
    if "data" in step:
        return bytes.fromhex(step["data"]) if step.get("hex") else step["data"].encode()
    pattern = BINARY if step["do"] == "binary" else TEXT
    return (pattern * (step["size"] // len(pattern) + 1))[: step["size"]]


def extensions(c):
    if not c.get("deflate"):
        return None
    take = not c.get("noTakeover", False)
    return [
        ClientPerMessageDeflateFactory(
            server_no_context_takeover=not take,
            client_no_context_takeover=not take,
            server_max_window_bits=c.get("serverBits"),
            client_max_window_bits=c.get("clientBits", True),
        )
    ]


class Conversation:
    def __init__(self, socket):
        self.socket, self.events = socket, []

    async def do_text(self, step):
        await self.socket.send(data(step), text=True)

    async def do_binary(self, step):
        await self.socket.send(data(step))

    async def do_ping(self, step):
        await (await self.socket.ping(step["data"]))
        self.events.append(["pong", step["data"]])

    async def do_fragments(self, step):
        async def parts():
            for i, part in enumerate(step["parts"]):
                if i > 0:
                    await self.do_ping({"data": "after %d" % (i - 1)})
                yield part.encode() if step.get("binary") else part

        await self.socket.send(parts())

    async def do_next(self, _):
        try:
            message = await self.socket.recv()
        except ConnectionClosed:
            self.closed()
        else:
            kind = "binary" if isinstance(message, bytes) else "text"
            message = message if kind == "binary" else message.encode()
            self.events.append([kind, len(message), hashlib.sha256(message).hexdigest()[:16]])

    async def do_close(self, step):
        await self.socket.close(step.get("code", 1000), step.get("reason", ""))
        self.closed()

    async def do_wait(self, step):
        await asyncio.sleep(step["ms"] / 1000)

    def closed(self):
        received = self.socket.protocol.close_rcvd
        code = self.socket.close_code if received is None else received.code
        self.events.append(["closed", code, "" if received is None else received.reason])


async def converse(url, c):
    try:
        async with connect(
            url + c["path"], compression=None, extensions=extensions(c), max_size=c.get("maxSize"), proxy=None
        ) as socket:
            talk = Conversation(socket)
            talk.events.append(["open", socket.response.headers.get("Sec-WebSocket-Extensions", "")])
            try:
                async with asyncio.timeout(PATIENCE):
                    for step in c["steps"]:
                        await getattr(talk, "do_" + step["do"])(step)
            except TimeoutError:
                talk.events.append(["stuck"])
            socket.transport.abort()
            return talk.events
    except Exception as e:
        return [["failed", repr(e)]]


async def main():
    conversations = json.load(sys.stdin)
    print(json.dumps(await asyncio.gather(*(converse(sys.argv[1], c) for c in conversations))))


asyncio.run(main())
