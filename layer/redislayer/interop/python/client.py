"""A client of the room, as one of its users would write it, that notes what happens.

client.py URL prints a JSON object: for each step the list of what was seen. It knows
nothing of what serves the room.
"""

import asyncio
import json
import sys

import websockets
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

PATIENCE = 20
# How long to wait for what may not come.
SILENCE = 1.5
# How many steps run side by side; each has rooms of its own.
AT_ONCE = 8

STEPS = []


def step(function):
    STEPS.append(function)
    return function


class Client:
    """One connection, whose events go to the step's notes under its name."""

    def __init__(self, base, notes, name):
        self.base, self.notes, self.name = base, notes, name

    async def open(self, path, **options):
        options.setdefault("max_size", None)
        try:
            self.socket = await websockets.connect(self.base + path, open_timeout=PATIENCE, **options)
        except InvalidStatus as e:
            self.note("refused", e.response.status_code)
            return False
        except (InvalidHandshake, OSError, EOFError, TimeoutError) as e:
            self.note("no answer", type(e).__name__)
            return False
        return True

    async def enter(self, room, **options):
        """Opens the room and takes the welcome."""
        assert await self.open("/room/%s/" % room, **options)
        await self.see()

    def note(self, *event):
        self.notes.append([self.name, *event])

    async def send(self, value):
        await self.socket.send(json.dumps(value))

    async def see(self, patience=PATIENCE):
        """Notes the next frame, or the end."""
        try:
            frame = await asyncio.wait_for(self.socket.recv(), patience)
        except asyncio.TimeoutError:
            self.note("nothing")
        except ConnectionClosed as e:
            received = e.rcvd
            self.note("closed", received.code if received else 1006, received.reason if received else "")
        else:
            if isinstance(frame, bytes):
                self.note("binary", frame.hex())
            else:
                try:
                    self.note("json", json.loads(frame))
                except ValueError:
                    self.note("text", frame)

    async def see_until(self, last):
        """Notes frames up to one of that type, and drops none."""
        while True:
            await self.see()
            if self.notes[-1][1] != "json" or self.notes[-1][2].get("type") == last:
                return

    async def close(self, code=1000):
        await self.socket.close(code)


async def alive(client):
    """Notes whether the connection still answers."""
    try:
        await client.send({"type": "echo", "mark": "alive"})
    except ConnectionClosed:
        pass
    await client.see()


@step
async def handshake(a, b):
    await a.open("/room/handshake/?n=1&m=%C3%A9")
    await a.see()
    await a.close()


@step
async def subprotocol(a, b):
    await a.open("/room/sub/", subprotocols=["room.v1", "room.v2"])
    a.note("chosen", a.socket.subprotocol)
    await a.see()
    await a.close()


@step
async def denied(a, b):
    await a.open("/room/denied/?deny")


@step
async def crash_while_connecting(a, b):
    await a.open("/room/crashed/?crash")


@step
async def no_such_path(a, b):
    await a.open("/nowhere/")


@step
async def echo_values(a, b):
    await a.enter("values")
    for value in (
        "é ☃ 𝄞 \x00 \" \\ / <&> \u2028",
        "",
        [0, -1, 1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63), 2**64 - 1],
        [0.0, 1.0, -0.5, 1e-7, 1.5e300, 0.1, 1e16],
        {"a": {"b": [{"c": None}, [], {}]}, "": "empty key"},
        [True, False, None],
        "x" * 50000,
    ):
        await a.send({"type": "echo", "value": value})
        await a.see()
    await a.close()


@step
async def text_and_binary_frames(a, b):
    await a.open("/echo/")
    for frame in ("hello", "☃", b"\x00\xff", b"x" * 70000):
        await a.socket.send(frame)
        await a.see()
    await a.socket.send(["in", " three", " pieces"])
    await a.see()
    await a.close()


@step
async def empty_frames(a, b):
    await a.open("/echo/")
    for frame in ("", b""):
        await a.socket.send(frame)
        await a.see(SILENCE)
    await a.close()


@step
async def ping(a, b):
    await a.enter("ping")
    await asyncio.wait_for(await a.socket.ping(b"are you there"), PATIENCE)
    a.note("pong")
    await a.close()


@step
async def say_to_both(a, b):
    await a.enter("both")
    await b.enter("both")
    await a.send({"type": "say", "text": "hello ☃", "n": 1})
    await a.see()
    await b.see()
    await b.send({"type": "say", "text": {"nested": [1, 2.5, None]}, "n": 2})
    await a.see()
    await b.see()
    await a.close()
    await b.see_until("room.gone")
    await b.close()


@step
async def order_kept(a, b):
    await a.enter("order")
    for n in range(30):
        await a.send({"type": "echo", "n": n})
    for n in range(30):
        await a.see()
    await a.close()


@step
async def other_room_hears_nothing(a, b):
    await a.enter("this")
    await b.enter("that")
    await a.send({"type": "say", "text": "psst"})
    await a.see()
    await b.see(SILENCE)
    await a.close()
    await b.close()


@step
async def leave_the_group(a, b):
    await a.enter("leave")
    await b.enter("leave")
    await a.send({"type": "leave"})
    await a.see()
    await b.send({"type": "say", "text": "still there?"})
    await b.see()
    await alive(a)
    await a.close()
    await b.see()
    await b.close()


@step
async def unknown_type_is_ignored(a, b):
    await a.enter("unknown")
    await a.send({"type": "no such thing"})
    await alive(a)
    await a.close()


@step
async def handler_names_are_no_commands(a, b):
    await a.enter("names")
    for kind in ("room.said", "room_crash", "disconnect", "websocket.disconnect", "send", "close_", "_private"):
        await a.send({"type": kind, "text": "x"})
    await alive(a)
    await a.close()


async def server_closes(a, b, room, patience=PATIENCE, **options):
    await a.enter(room)
    await b.enter(room)
    await a.send({"type": "close", **options})
    await a.see()
    await b.see(patience)
    await b.close()


@step
async def server_closes_1000(a, b):
    await server_closes(a, b, "close1000")


@step
async def server_closes_4000(a, b):
    await server_closes(a, b, "close4000", code=4000)


@step
async def server_closes_3000(a, b):
    await server_closes(a, b, "close3000", code=3000)


@step
async def server_closes_4999(a, b):
    await server_closes(a, b, "close4999", code=4999)


@step
async def server_closes_with_reason(a, b):
    await server_closes(a, b, "reason", code=4001, reason="enough ☃")


@step
async def server_sends_after_its_close(a, b):
    await server_closes(a, b, "after", SILENCE, code=4002, then="send")


@step
async def server_closes_1001(a, b):
    await server_closes(a, b, "close1001", SILENCE, code=1001)


@step
async def server_closes_1011(a, b):
    await server_closes(a, b, "close1011", SILENCE, code=1011)


@step
async def server_closes_999(a, b):
    await server_closes(a, b, "close999", SILENCE, code=999)


@step
async def server_closes_1006(a, b):
    await server_closes(a, b, "close1006", SILENCE, code=1006)


@step
async def server_closes_2000(a, b):
    await server_closes(a, b, "close2000", SILENCE, code=2000)


async def client_closes(a, b, code):
    await a.enter("client%d" % code)
    await b.enter("client%d" % code)
    await a.close(code)
    await b.see()
    await b.close()


@step
async def client_closes_1000(a, b):
    await client_closes(a, b, 1000)


@step
async def client_closes_1001(a, b):
    await client_closes(a, b, 1001)


@step
async def client_closes_4005(a, b):
    await client_closes(a, b, 4005)


@step
async def client_closes_without_code(a, b):
    await a.enter("codeless")
    await b.enter("codeless")
    # An empty close frame, which the library does not offer.
    a.socket.transport.write(bytes([0x88, 0x80, 1, 2, 3, 4]))
    await b.see()
    await a.see()
    await b.close()


@step
async def client_is_cut_off(a, b):
    await a.enter("cut")
    await b.enter("cut")
    a.socket.transport.abort()
    await b.see()
    await b.close()


@step
async def crash_in_receive(a, b):
    await a.enter("crash")
    await b.enter("crash")
    await a.send({"type": "crash"})
    await a.see()
    await b.see(SILENCE)
    await b.close()


rooms = 0


async def bad_frame(a, b, frame, **options):
    global rooms
    rooms += 1
    await a.enter("bad%d" % rooms)
    await a.socket.send(frame, **options)
    await alive(a)
    await a.close()


@step
async def invalid_json(a, b):
    await bad_frame(a, b, "{nonsense")


@step
async def empty_text(a, b):
    await bad_frame(a, b, "")


@step
async def json_list(a, b):
    await bad_frame(a, b, "[1]")


@step
async def json_without_type(a, b):
    await bad_frame(a, b, '{"text": "x"}')


@step
async def binary_to_json_consumer(a, b):
    await bad_frame(a, b, b'{"type": "echo"}')


@step
async def not_a_number(a, b):
    await bad_frame(a, b, '{"type": "echo", "value": NaN}')


@step
async def lone_surrogate(a, b):
    await bad_frame(a, b, '{"type": "echo", "value": "\\ud800"}')


@step
async def huge_integer(a, b):
    await bad_frame(a, b, '{"type": "echo", "value": 123456789012345678901234567890}')


@step
async def duplicate_key(a, b):
    await bad_frame(a, b, '{"type": "echo", "value": 1, "value": 2}')


@step
async def invalid_utf8(a, b):
    await bad_frame(a, b, b'{"type": "\xff"}', text=True)


@step
async def frame_of_two_megabytes(a, b):
    await a.enter("big")
    try:
        await a.socket.send(json.dumps({"type": "nothing", "text": "x" * 2_000_000}))
    except ConnectionClosed:
        pass
    await a.see()


async def run(function, base, turn):
    notes = []
    a, b = Client(base, notes, "a"), Client(base, notes, "b")
    async with turn:
        try:
            await asyncio.wait_for(function(a, b), 30)
        except Exception as e:
            notes.append(["script", type(e).__name__, str(e)])
    # Lines, in which an integer of any size is what it is.
    return function.__name__, [json.dumps(note, sort_keys=True) for note in notes]


async def main(base):
    turn = asyncio.Semaphore(AT_ONCE)
    transcript = await asyncio.gather(*(run(function, base, turn) for function in STEPS))
    json.dump(dict(transcript), sys.stdout)


asyncio.run(main(sys.argv[1]))
