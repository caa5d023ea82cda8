"""A small OpenAI-compatible server on loopback, for what a real one cannot be made to do on demand.

What it answers depends on the request alone; a request holds its seed, and so its sample. Faults are drawn by the same
hash: a request that has one meets it on its first tries, and is answered after that.
"""

from __future__ import annotations

import hashlib
import json
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]

FAULTS = ("429", "429 with Retry-After", "500", "hang", "reset", "malformed", "empty", "other model", "drip")
_DRIP_SECONDS = 0.2
ERROR = {"error": {"message": "not now", "code": None}}


@dataclass
class Faults:
    """Which requests meet which fault, and how often."""

    rate: float = 0.0
    kinds: Sequence[str] = FAULTS
    times: int = 1
    hang_seconds: float = 1.5  # longer than the client's deadline

    def of(self, key: str, tried: int) -> str:
        """The fault of this try (from 0), or nothing."""
        number = int(key[:8], 16)
        if number / 2**32 >= self.rate or tried >= self.times:
            return ""
        return self.kinds[int(key[8:16], 16) % len(self.kinds)]


@dataclass
class Server:
    url: str
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    most_at_once: int = 0
    asked: Counter[str] = field(default_factory=Counter)  # by hash of the request
    faults: Counter[str] = field(default_factory=Counter)
    kill: Callable[[], None] = lambda: None  # as if its process died: no connection, open or new, is answered


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def key_of(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def completion(text: str, finish_reason: str = "stop", model: str = "m") -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
    }


class _Http(ThreadingHTTPServer):
    request_queue_size = 1024
    daemon_threads = True
    block_on_close = False

    def __init__(self, *args: Any) -> None:
        self.connections: set[socket.socket] = set()
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.connections.discard(request)
        super().shutdown_request(request)

    def kill(self) -> None:
        self.shutdown()
        self.server_close()
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that is gone is no fault of the server."""


@contextmanager
def serve(
    answer: Answer,
    models: tuple[str, ...] = ("m",),
    models_status: int = 200,
    faults: Faults | None = None,
    keep: bool = True,
    port: int = 0,
) -> Iterator[Server]:
    """Answer chat requests by ``answer``: request body -> (status, body). ``keep``: remember every request."""
    server = Server("")
    lock = threading.Lock()
    running = 0

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one packet for head and body
        disable_nagle_algorithm = True

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

        def send(self, status: int, body: dict[str, Any] | bytes, retry_after: str = "", drip: float = 0.0) -> None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            if retry_after:
                self.send_header("Retry-After", retry_after)
            self.end_headers()
            pieces = 10 if drip else 1
            for number in range(pieces):
                part = data[number * len(data) // pieces : (number + 1) * len(data) // pieces]
                self.wfile.write(part)
                self.wfile.flush()
                time.sleep(drip / pieces)

        def do_GET(self) -> None:
            listed = [{"id": name, "object": "model", "created": 0, "owned_by": "me"} for name in models]
            self.send(models_status, {"object": "list", "data": listed})

        def do_POST(self) -> None:
            nonlocal running
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            key = key_of(body)
            with lock:
                fault = faults.of(key, server.asked[key]) if faults else ""
                running += 1
                server.asked[key] += 1
                server.faults[fault] += 1
                server.most_at_once = max(server.most_at_once, running)
                if keep:
                    server.requests.append(body)
                server.keys.add(self.headers["Authorization"])
            try:
                self.reply(body, fault)
            finally:
                with lock:
                    running -= 1

        def reply(self, body: dict[str, Any], fault: str) -> None:
            if fault == "429":
                self.send(429, ERROR)
            elif fault == "429 with Retry-After":
                self.send(429, ERROR, retry_after="0.05")
            elif fault == "500":
                self.send(500, ERROR)
            elif fault == "hang":
                time.sleep(faults.hang_seconds if faults else 0)
                self.close_connection = True
            elif fault == "reset":
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                self.wfile.write(b'{"choices": [')
                self.wfile.flush()
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                self.close_connection = True
            elif fault == "malformed":
                self.send(200, b'{"choices": [{"message": {"content": "x')
            elif fault == "empty":
                self.send(200, {**completion(""), "choices": []})
            else:
                status, said = answer(body)
                if fault == "other model":
                    said = {**said, "model": "another"}
                self.send(status, said, drip=_DRIP_SECONDS if fault == "drip" else 0.0)

    http = _Http(("127.0.0.1", port), Handler)
    server.kill = http.kill
    server.url = f"http://127.0.0.1:{http.server_port}/v1"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


# -- a teacher that is sometimes right -------------------------------------------------------------------------------


def rows(count: int) -> list[dict[str, Any]]:
    """Tasks whose prompt says the right program, for :func:`sometimes_right`."""
    return [
        {
            "task_id": f"t{n:05d}",
            "prompt": f"Add {n} to x.",
            "tests": [f"assert f(0) == {n}", f"assert f(2) == {n + 2}", f"assert f(-3) == {n - 3}"],
        }
        for n in range(count)
    ]


def sometimes_right(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Every third answer is right, which one being a matter of the request's hash; the others fail in several ways."""
    n = int(body["messages"][-1]["content"].split()[1])
    draw = int(key_of(body)[16:20], 16) % 12
    right = f"def f(x):\n    return x + {n}\n"
    programs = [right] * 4 + [
        f"def f(x):\n    return x - {n + 1}\n",
        f"def f(x):\n    return {n}\n",
        f"def f(x):\n    return x + {n} if x >= 0 else x\n",
        "def f(x):\n    return y\n",
        "def f(x)\n    return x\n",
        f"def f(x):\n    y = x + {n}\n    raise ValueError(y)\n",
    ]
    if draw < len(programs):
        return 200, completion(f"Here it is.\n\n```python\n{programs[draw]}```\n")
    return 200, completion(
        "I do not know." if draw == 10 else "```python\ndef f(x)", "stop" if draw == 10 else "length"
    )
