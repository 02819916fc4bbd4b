"""Uvicorn's HTTP/1.1 connection with bounds: on a head, on the times of head, body and reader, and on connections.

Uvicorn has none of them: a head may be endless and take for ever, and so may a body whose request has been answered.
Its `limit_concurrency` counts only connections whose head is whole, so that half heads are never refused.
"""

import asyncio
from asyncio.events import TimerHandle
from typing import Any, ClassVar

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from service.limits.bounds import (
    LEAST_RATE,
    LINGER,
    MAX_HEAD,
    MAX_HEADER_COUNT,
    MAX_HEADERS,
    MAX_PIPELINED,
    MAX_URL,
    Bounds,
    refusal,
)
from service.limits.reader import Reader
from service.limits.refusals import ENDED

FRAMING = (b"content-length", b"transfer-encoding")
"""Headers that say where a body ends."""


class Refused(Exception):
    """A request is refused while it is parsed: the kind of problem, and the detail."""


class BoundedProtocol(HttpToolsProtocol):
    """A connection within `bounds`; `bounded` makes the class for a server."""

    bounds: ClassVar[Bounds]

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 (as uvicorn has them)
        super().__init__(*args, **kwargs)
        self._sending: TimerHandle | None = None  # runs while a head or a body is to come
        self._in_head, self._in_body = False, False
        self._head_bytes = self._header_bytes = 0
        self._body_bytes = 0  # that came since the body was looked at
        self._framing: list[tuple[bytes, bytes]] = []  # of a request that asks for another protocol and has a body
        self._resumes = False  # such a request's body is to be parsed, behind a head that repeats its framing
        self._deaf = False  # nothing is read any more: it was refused, or wants another protocol
        self._running: RequestResponseCycle | None = None  # the request that is worked on; others wait behind it

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, if there is room."""
        super().connection_made(transport)
        self._reader = Reader(transport, self.loop, self.bounds.send_seconds, self._taken_too_slowly)
        if len(self.connections) > self.bounds.connections:
            self.connections.discard(self)
            limit = self.bounds.connections
            self._refuse("too-many-connections", f"{limit} connections are open, which is as many as may be")
            return
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self.bounds.lingering.discard(self)
        self._expect_nothing()
        self._reader.stop()
        self.pipeline.clear()
        self._give_up()  # uvicorn tells only the request that was parsed last
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, within the bounds."""
        if self._deaf:
            return
        self._unset_keepalive_if_required()
        was_in_head = self._in_head
        try:
            self._parse(data)
        except httptools.HttpParserError as error:
            cause = error.__context__
            if isinstance(cause, Refused):
                self._refuse(*cause.args)
            else:
                self._refuse("not-http", "what was sent is no request of HTTP/1.1")
            return
        if self._in_head and was_in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD:
                self._refuse("headers-too-large", f"the head has more than {MAX_HEAD} bytes")
                return
        if self._in_head or self._in_body or self._working is None:  # line ends alone are no request
            self._expect()
        else:
            self._expect_nothing()

    def _parse(self, data: bytes) -> None:
        """Parse what came. Another protocol is never spoken: a request that asks for one is answered as it is."""
        while True:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as upgrade:
                behind = data[upgrade.args[0] :]
            except httptools.HttpParserError:
                if self._deaf:  # it stands behind the last request
                    return
                raise
            if not self._framing:
                self._deaf = True  # what follows would be of the other protocol
                return
            # The parser ends such a request with its head; another one reads its body, by a head with the same framing.
            lines = b"".join(b"%s: %s\r\n" % header for header in self._framing)
            self._framing, self._resumes = [], True
            self.parser = httptools.HttpRequestParser(self)
            data = b"POST / HTTP/1.1\r\n%s\r\n" % lines + behind

    def on_message_begin(self) -> None:
        """A head begins."""
        if self._resumes:
            return
        super().on_message_begin()
        self._in_head, self._head_bytes, self._header_bytes = True, 0, 0

    def on_url(self, url: bytes) -> None:
        """A part of the URL."""
        if self._resumes:
            return
        super().on_url(url)
        if len(self.url) > MAX_URL:
            raise Refused("url-too-long", f"the URL has more than {MAX_URL} bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; what stands behind a body is none, since nobody has checked it."""
        if not self._in_head:
            return
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > MAX_HEADERS or len(self.headers) >= MAX_HEADER_COUNT:
            raise Refused(
                "headers-too-large",
                f"the headers have more than {MAX_HEADERS} bytes, or are more than {MAX_HEADER_COUNT}",
            )
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is whole: the request begins, and the time of its body."""
        if self._resumes:
            self._resumes = False
            return
        if len(self.pipeline) >= MAX_PIPELINED:
            raise Refused("not-http", f"more than {MAX_PIPELINED} requests wait on this connection")
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (not hosts and self.parser.get_http_version() == "1.1"):
            raise Refused("not-http", f"a request has one Host header, got {hosts}")  # RFC 9112, 3.2
        upgrades = self.parser.should_upgrade()
        self._framing = [header for header in self.headers if upgrades and header[0] in FRAMING]
        super().on_headers_complete()
        if upgrades and not self._framing:
            self.cycle.keep_alive = False
        self._in_head, self._in_body, self._body_bytes = False, True, 0
        self._expect_nothing()  # the body has a time of its own

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The body is whole; of a request that asks for another protocol it is still to come."""
        if self._framing:
            return
        self._in_body = False
        if not self.cycle.keep_alive:
            self._deaf = True  # what follows would never be answered
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """What was written may still have to be taken; a body that nobody waits for may come for a little while."""
        super().on_response_complete()
        self._reader.watch()
        if self._in_body and self.cycle.response_complete:
            self._expect_nothing()
            self._sending = self.loop.call_later(LINGER, self._end_body)

    def pause_writing(self) -> None:
        """The client takes less than is written."""
        super().pause_writing()
        self._reader.watch()

    def send_400_response(self, msg: str) -> None:
        """As the other refusals."""
        self._refuse("not-http", msg)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:  # noqa: ANN401 (as uvicorn has it)
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    @property
    def _working(self) -> RequestResponseCycle | None:
        """The request whose answer is not complete."""
        return None if self._running is None or self._running.response_complete else self._running

    def _expect(self) -> None:
        """Give what is to come its time, unless that runs."""
        if self._sending is None:
            self._sending = self.loop.call_later(self.bounds.send_seconds, self._sent_too_slowly)

    def _expect_nothing(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None

    def _sent_too_slowly(self) -> None:
        self._sending = None
        if self.transport.is_closing():
            return
        enough = self._in_body and self._body_bytes >= LEAST_RATE * self.bounds.send_seconds
        if self.flow.read_paused or enough:  # it is we who do not read, or it comes
            self._body_bytes = 0
            self._expect()
        elif self._in_head or self._in_body:
            self._refuse("slow-request", self._too_slow())
        else:
            self.transport.close()  # nothing was asked

    def _end_body(self) -> None:
        """Close, if a body still comes though its request was answered."""
        self._sending = None
        if self._in_body and self.cycle.response_complete:
            self.transport.close()
        elif self._in_head or self._in_body or self._working is None:
            self._expect()

    def _too_slow(self) -> str:
        seconds = self.bounds.send_seconds
        if self._in_head:
            return f"the head did not come within {seconds:g} s"
        return f"of the body fewer than {LEAST_RATE} bytes a second came within {seconds:g} s"

    def _refuse(self, kind: str, detail: str) -> None:
        """Answer and close; where an answer is under way, or too many are refused, close without."""
        self._deaf = True
        self._unset_keepalive_if_required()
        self.bounds.refusals.note(kind, self.client)
        self.pipeline.clear()
        working = self._working
        begun = working is not None and working.response_started
        if working is not None and self._in_body:
            working.scope["state"][ENDED] = kind
        self._give_up()
        if begun or len(self.bounds.lingering) >= self.bounds.connections:
            self.transport.abort()
            return
        self.bounds.lingering.add(self)
        self.flow.resume_reading()
        self.transport.write(refusal(kind, detail))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._expect_nothing()
        self._sending = self.loop.call_later(LINGER, self.transport.abort)

    def _give_up(self) -> None:
        """What works on a request need not go on: nobody waits for it."""
        if (working := self._working) is not None:
            working.disconnected = True
            working.message_event.set()

    def _taken_too_slowly(self) -> None:
        self.bounds.refusals.note("slow-reader", self.client)
        self._reader.reset()


def bounded(bounds: Bounds) -> type[BoundedProtocol]:
    """The class of the connections of a server."""
    return type("BoundedProtocol", (BoundedProtocol,), {"bounds": bounds})
