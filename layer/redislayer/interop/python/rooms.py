"""Clients of one room that is served by several servers.

rooms.py ROOM EACH URL...: two clients a URL enter the room, each says EACH messages,
and everybody should see all of them once. Prints what each client saw, as JSON:
{"0.0": [["0.0", 0], ...], ...}, client after client.
"""

import asyncio
import json
import sys

import websockets

PATIENCE = 10


async def main(room, each, urls):
    sockets = {}
    for u, url in enumerate(urls):
        for n in range(2):
            sockets["%d.%d" % (u, n)] = await websockets.connect("%s/room/%s/" % (url, room))
    for socket in sockets.values():
        await socket.recv()
    seen = {name: [] for name in sockets}

    async def say(name, socket):
        for n in range(each):
            await socket.send(json.dumps({"type": "say", "text": name, "n": n}))

    async def listen(name, socket):
        while len(seen[name]) < each * len(sockets):
            message = json.loads(await socket.recv())
            seen[name].append([message["text"], message["n"]])

    everything = asyncio.gather(
        *(say(*item) for item in sockets.items()), *(listen(*item) for item in sockets.items())
    )
    try:
        await asyncio.wait_for(everything, PATIENCE)
    except asyncio.TimeoutError:
        pass

    async def more(name, socket):
        try:
            message = json.loads(await asyncio.wait_for(socket.recv(), 0.2))
            seen[name].append([message["text"], message["n"]])
        except asyncio.TimeoutError:
            pass

    await asyncio.gather(*(more(*item) for item in sockets.items()))
    await asyncio.gather(*(socket.close() for socket in sockets.values()))
    json.dump(seen, sys.stdout)


asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))
