"""A small HTTP server on 127.0.0.1 that can be told to fail: the base of the doubles of the cloud services."""

from __future__ import annotations

import json
import re
import socket
import sys
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Literal, NamedTuple, Self
from urllib.parse import parse_qs, urlsplit

Moment = Literal["before", "after"]
PATIENCE = 600.0  # seconds after which something hangs: much more than it ever takes, however busy the machine is


class Request(NamedTuple):
    """One request as it arrived.

    Attributes:
        method: GET, POST, …
        path: The path as sent (percent-encoded), without the query.
        query: Values by name.
        headers: As sent; names are case-insensitive.
        body: As sent.
    """

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Message
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What the service replies.

    Attributes:
        status: HTTP status.
        body: As sent.
        headers: Besides Content-Length, which is added.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_json(cls, content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
        """An answer with a JSON body."""
        return cls(status, json.dumps(content).encode(), {"Content-Type": "application/json", **(headers or {})})


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request.

    Attributes:
        kind: How the answer is spoilt:
            `status`: it is an error status;
            `drop`: the connection closes without an answer;
            `stall`: no answer until `released` of the double is set; then the ordinary one, if anybody waits;
            `truncate`: the first half of the body, as if it were all: Content-Length agrees;
            `cut`: the whole Content-Length is promised, and the connection closes in the middle of the body;
            `empty`: status 200 and no body.
        moment: `before`: the service does not act on the request (a stalled one: not until it is released);
            `after`: it acts, and only its answer is spoilt.
        code: HTTP status of a `status` fault.
    """

    kind: Literal["status", "drop", "stall", "truncate", "cut", "empty"]
    moment: Moment = "after"
    code: int = 200

    @classmethod
    def status(cls, code: int, moment: Moment = "before") -> Fault:
        """An error status."""
        return cls("status", moment, code)


@dataclass
class _Rule:
    """A fault waiting for its requests: `skip` are let through, then `times` (None: all) are hit."""

    method: str
    path: re.Pattern[str]
    fault: Fault
    times: int | None
    skip: int

    def hits(self, request: Request) -> bool:
        """Whether the fault befalls this request; counts it."""
        if self.method != request.method or self.times == 0 or not self.path.search(request.path):
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


class Double:
    """A service on 127.0.0.1 on a free port: a context manager, or `start` and `stop`.

    A subclass says what is answered; one request at a time is acted on, under `lock`. Stopping closes every connection,
    and starting again takes the same port, so that an outage can be played. Leaving the context raises what `answer`
    raised.

    Attributes:
        requests: Every request that arrived whole, in order.
        queue_polls: How often a job's state is asked for before it is final; may be changed at any time.
        released: Set it to let stalled requests go on.
        lock: Held while `answer` runs; take it to read or change a subclass's state meanwhile.
        errors: What `answer` raised: mistakes of the double or requests it does not know; the client got a 500.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.queue_polls = 0
        self.released = threading.Event()
        self.lock = threading.RLock()
        self.errors: list[Exception] = []
        self._rules: list[_Rule] = []
        self._settled: list[Request] = []
        self._news = threading.Condition()
        self._connections: set[socket.socket] = set()
        self._server: _Server | None = None
        self._port = 0

    def answer(self, method: str, path: str, query: Mapping[str, list[str]], headers: Message, body: bytes) -> Answer:
        """Act on a request; `path` is percent-encoded as sent."""
        raise NotImplementedError(f"{method} {path}")

    def environment(self) -> dict[str, str]:
        """Variables that point the unmodified client here."""
        raise NotImplementedError

    def refusal(self, code: int, message: str) -> Answer:
        """An error answer as the service words it."""
        return Answer.of_json({"message": message}, code)

    @property
    def url(self) -> str:
        """Where it listens, without a final slash; known once it has been started."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> Self:
        """Begin to listen."""
        self.released.clear()
        self._server = _Server(self, self._port)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Close the port and every connection; harmless if stopped already."""
        server, self._server = self._server, None
        if server is None:
            return
        server.shutdown()
        server.server_close()
        with self._news:
            open_connections = list(self._connections)
        for connection in open_connections:
            _hang_up(connection)
        self.released.set()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if error is None and self.errors:
            raise ExceptionGroup(f"{type(self).__name__} could not answer", self.errors)

    def fail(self, method: str, path_regex: str, fault: Fault, times: int | None = 1, after: int = 0) -> None:
        """Let a fault befall the next `times` requests (None: all to come) that match, once `after` have passed.

        `path_regex` is searched for in the path as sent; of several rules that match, the oldest not yet spent counts.
        """
        with self._news:
            self._rules.append(_Rule(method, re.compile(path_regex), fault, times, after))

    def heal(self) -> None:
        """Forget all faults asked for; what is stalled stays so."""
        with self._news:
            self._rules.clear()

    def wait_for(self, method: str, path_regex: str, count: int = 1) -> None:
        """Block until `count` such requests, since the double was made, have arrived.

        A request with an `after` fault counts once it has been acted on.

        Raises:
            TimeoutError: they never do.
        """
        with self._news:
            if not self._news.wait_for(lambda: _count(self._settled, method, path_regex) >= count, PATIENCE):
                seen = _count(self._settled, method, path_regex)
                raise TimeoutError(f"{seen} of {count} requests {method} {path_regex} arrived in {PATIENCE} s")

    def count(self, method: str, path_regex: str) -> int:
        """How many such requests have arrived."""
        with self._news:
            return _count(self.requests, method, path_regex)

    def _arrive(self, request: Request) -> Fault | None:
        """Log a request; the fault that is to befall it."""
        with self._news:
            self.requests.append(request)
            fault = next((rule.fault for rule in self._rules if rule.hits(request)), None)
        if fault is None or fault.moment == "before":
            self._settle(request)
        return fault

    def _settle(self, request: Request) -> None:
        with self._news:
            self._settled.append(request)
            self._news.notify_all()

    def _act(self, request: Request) -> Answer:
        try:
            with self.lock:
                return self.answer(*request)
        except Exception as error:  # whatever it is, the test must see it: leaving the context raises it
            self.errors.append(error)
            return self.refusal(500, repr(error))

    def _connect(self, connection: socket.socket, *, opened: bool) -> None:
        with self._news:
            (self._connections.add if opened else self._connections.discard)(connection)


def _count(requests: Iterable[Request], method: str, path_regex: str) -> int:
    return sum(request.method == method and bool(re.search(path_regex, request.path)) for request in requests)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, double: Double, port: int) -> None:
        self.double = double
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client killed in the middle of a request is what the doubles are for; anything else is kept as an error."""
        error = sys.exception()
        if isinstance(error, Exception) and not isinstance(error, OSError):
            self.double.errors.append(error)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # keeps connections open, as the services do
    disable_nagle_algorithm = True  # head and body are two writes; together with delayed ACKs that costs 40 ms
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.double._connect(self.connection, opened=True)

    def finish(self) -> None:
        self.server.double._connect(self.connection, opened=False)
        super().finish()

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing: `Double.requests` is the log."""

    def _serve(self) -> None:
        double = self.server.double
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:  # the client went away in the middle: nothing was asked
            self.close_connection = True
            return
        url = urlsplit(self.path)
        query = parse_qs(url.query, keep_blank_values=True)
        request = Request(self.command, url.path, query, self.headers, body)
        fault = double._arrive(request)
        if fault is None:
            self._send(double._act(request))
            return
        if fault.moment == "before":
            self._spoil(fault, request, None)
            return
        answer = double._act(request)
        double._settle(request)
        self._spoil(fault, request, answer)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = _serve  # noqa: N815 (the names http.server asks for)

    def _spoil(self, fault: Fault, request: Request, answer: Answer | None) -> None:
        """Answer as the fault has it; `answer` is the ordinary one where the service has acted."""
        double = self.server.double
        if fault.kind == "status":
            self._send(double.refusal(fault.code, "a fault that was asked for"))
        elif fault.kind == "stall":
            double.released.wait()
            if double._server is self.server and not _hung_up(self.connection):
                self._send(answer or double._act(request))
        elif answer is None or fault.kind == "drop":
            self.close_connection = True
            _hang_up(self.connection)
        elif fault.kind == "empty":
            self._send(Answer(200, b"", answer.headers))
        else:
            half = answer.body[: len(answer.body) // 2]
            shortened = Answer(answer.status, half, answer.headers)
            self._send(shortened, promised=len(answer.body) if fault.kind == "cut" else len(half))

    def _send(self, answer: Answer, promised: int | None = None) -> None:
        """Send an answer; a Content-Length that promises more than there is ends the connection."""
        length = len(answer.body) if promised is None else promised
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)
        if length > len(answer.body):
            self.close_connection = True
            _hang_up(self.connection)


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:  # the other side was faster
        return


def _hung_up(connection: socket.socket) -> bool:
    """Whether the other side has closed the connection."""
    try:
        return not connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:  # nothing to read, but open
        return False
    except ConnectionError:
        return True
