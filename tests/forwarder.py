"""A forwarder before a server of the tests: it ends TLS where it is told to, and lets a test look at what passes."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator

Passes = Callable[[bytes, bool], bytes]  # what came, and whether it goes to the server -> what is passed on

AWAY = 10.0  # seconds that the server is waited for: the client's own pauses between connections are longer
STOPPED = 20.0  # seconds for its thread to end


@contextlib.contextmanager
def forwarding(
    to: int, tls: ssl.SSLContext | None = None, connected: Callable[[], Passes] = lambda: _as_it_is
) -> Iterator[int]:
    """Forwards to a port of this machine while this lasts, from the port that this gives; ``connected`` is asked
    anew for each connection. A server that is away is waited for, as a balancer of load does."""
    loop = asyncio.new_event_loop()
    pairs: set[asyncio.Task[None]] = set()

    async def pipe(source: asyncio.StreamReader, target: asyncio.StreamWriter, passes: Passes, upward: bool) -> None:
        while data := await source.read(65_536):
            target.write(passes(data, upward))
            await target.drain()

    async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        until = loop.time() + AWAY
        while True:
            try:
                return await asyncio.open_connection("127.0.0.1", to)
            except OSError:
                if loop.time() > until:
                    raise
                await asyncio.sleep(0.02)

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pairs.add(task := asyncio.current_task())  # type: ignore[arg-type]
        try:
            with contextlib.suppress(OSError, ssl.SSLError):
                above, up = await connect()
                try:
                    passes = connected()
                    ways = (pipe(reader, up, passes, True), pipe(above, writer, passes, False))
                    tasks = [asyncio.ensure_future(way) for way in ways]
                    try:
                        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                    finally:
                        for each in tasks:
                            each.cancel()
                        await asyncio.gather(*tasks, return_exceptions=True)
                finally:
                    up.transport.abort()
        finally:
            writer.transport.abort()
            pairs.discard(task)  # type: ignore[arg-type]

    async def start() -> asyncio.Server:
        # what a client does wrong in shaking hands is its own affair, and the test's to look at
        loop.set_exception_handler(lambda *_: None)
        return await asyncio.start_server(forward, "127.0.0.1", 0, ssl=tls)

    async def stop() -> None:
        server.close()
        for each in list(pairs):
            each.cancel()
        await asyncio.gather(*pairs, return_exceptions=True)
        await asyncio.sleep(0)  # for the transports to be closed

    server = loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever, name="forwarder", daemon=True)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result(STOPPED)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(STOPPED)
        loop.close()


def _as_it_is(data: bytes, _: bool) -> bytes:
    return data
