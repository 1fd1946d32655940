"""A transmitter of security events: it hands out tokens until they are acknowledged (RFC 8936)."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Transmitter:
    """What a transmitter has to tell, and what it was told.

    Args:
        long_poll: Seconds that it waits for something to tell.
    """

    url: str = ""
    long_poll: float = 30.0
    sets: dict[str, str] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    errors: dict[str, dict[str, str]] = field(default_factory=dict)
    refusals: list[tuple[int, Mapping[str, str]]] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    is_closing: bool = False

    def tell(self, jti: str, token: str) -> None:
        """Have one more token to hand out."""
        with self.changed:
            self.sets[jti] = token
            self.changed.notify_all()

    def close(self) -> None:
        with self.changed:
            self.is_closing = True
            self.changed.notify_all()

    def answer(self, question: dict[str, Any], authorization: str) -> dict[str, Any]:
        """Take what is acknowledged, and return what is due, as soon as something is."""
        with self.changed:
            self.asked.append(question)
            self.authorizations.append(authorization)
            self.acknowledged += question.get("ack", [])
            self.errors |= question.get("setErrs", {})
            for jti in (*question.get("ack", []), *question.get("setErrs", {})):
                self.sets.pop(jti, None)
            most = question.get("maxEvents", 100)
            if not question.get("returnImmediately", False):
                self.changed.wait_for(lambda: self.sets or self.is_closing, self.long_poll)
            due = dict(list(self.sets.items())[:most])
            return {"sets": due, "moreAvailable": len(self.sets) > len(due)}


@contextmanager
def transmitting(transmitter: Transmitter) -> Iterator[Transmitter]:
    """Answer over HTTP, at a port of its own."""

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if transmitter.refusals:
                status, headers = transmitter.refusals.pop(0)
                self.reply(status, headers, b"no")
                return
            answer = transmitter.answer(json.loads(body), self.headers.get("authorization", ""))
            self.reply(200, {"content-type": "application/json"}, json.dumps(answer).encode())

        def reply(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:
                return  # whoever asked did not wait

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    transmitter.url = f"http://127.0.0.1:{server.server_address[1]}/poll"
    try:
        yield transmitter
    finally:
        transmitter.close()
        server.shutdown()
        thread.join()
        server.server_close()
