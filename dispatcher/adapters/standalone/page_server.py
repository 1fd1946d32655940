"""HTTP for a page on loopback that only the person at this machine may use."""

import socket
import sys
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

PAGE_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; frame-src 'self';"
    " img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
MAIL_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'self';"
    " sandbox allow-popups allow-popups-to-escape-sandbox"
)
"""For a mail's own HTML: no script, no form, nothing from outside, an origin of its own."""

_HTML: Final = "text/html; charset=utf-8"
_LARGEST_FORM: Final = 64 * 1024


class PageServer(ThreadingHTTPServer):
    """Serves conversations on a listening socket, which becomes ours, each in a thread.

    Args:
        listener: A bound, listening socket on loopback.
        conversation: What answers.
    """

    daemon_threads = True
    # A browser keeps its connections open; stopping does not wait for it.
    block_on_close = False

    def __init__(self, listener: socket.socket, conversation: type["PageConversation"]) -> None:
        host, port = listener.getsockname()[:2]
        super().__init__((host, port), conversation, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.server_address = (host, port)
        self.server_name, self.server_port = host, port
        authority = f"[{host}]" if ":" in host else host
        self.url = f"http://{authority}:{port}/"
        self.hosts = frozenset(f"{name}:{port}" for name in (authority, "localhost", "127.0.0.1"))

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the base's signature
        """Tell of what went wrong, unless the browser only went away."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class PageConversation(BaseHTTPRequestHandler):
    """A browser's connection: who may speak, and how answers are guarded."""

    server: PageServer
    protocol_version = "HTTP/1.1"
    server_version = "page"
    sys_version = ""
    disable_nagle_algorithm = True
    timeout = 60.0

    def do_GET(self) -> None:
        """Answer a page."""
        if not self._is_for_us():
            return
        url = urlsplit(self.path)
        try:
            self.get(url.path, _fields(url.query))
        except LookupError:
            self.missing()

    def do_HEAD(self) -> None:
        """Answer as to GET, without the body."""
        self.do_GET()

    def do_POST(self) -> None:
        """Do what a form asks, when one of our own pages sent it."""
        length = self.headers.get("Content-Length", "0")
        form = self.rfile.read(min(int(length) if length.isdigit() else 0, _LARGEST_FORM))
        if not self._is_for_us():
            return
        # A page elsewhere may send this form too, but cannot lie about where it is.
        if urlsplit(self.headers.get("Origin", "")).netloc not in self.server.hosts:
            self.refuse("another site may not do this", HTTPStatus.FORBIDDEN)
            return
        try:
            self.post(self.path, _fields(form.decode(errors="replace")))
        except LookupError:
            self.missing()

    def get(self, path: str, query: Mapping[str, str]) -> None:
        """Answer what is at *path*; a LookupError means that nothing is."""
        raise LookupError(path, query)

    def post(self, path: str, form: Mapping[str, str]) -> None:
        """Do what the form asks; a LookupError means that there is no such form."""
        raise LookupError(path, form)

    def missing(self) -> None:
        """Answer that nothing is there."""
        self.refuse("nothing is here", HTTPStatus.NOT_FOUND)

    def refuse(self, reason: str, status: HTTPStatus) -> None:
        """Answer a reason, without a page around it."""
        # What is left of a form too large to be read must not be taken for a request.
        self.close_connection = True
        self.answer(reason, "text/plain; charset=utf-8", status=status)

    def answer(
        self,
        body: str | bytes,
        media_type: str = _HTML,
        *,
        status: HTTPStatus = HTTPStatus.OK,
        policy: str = PAGE_POLICY,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Answer a body under a content security policy."""
        content = body.encode("utf-8", "replace") if isinstance(body, str) else body
        guards = {
            "Content-Type": media_type,
            "Content-Length": str(len(content)),
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cache-Control": "no-store",
        }
        self.send_response(status)
        for name, value in {**guards, **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base
        """Say nothing: a log of who looked at what helps no one here."""

    def _is_for_us(self) -> bool:
        # A name that an attacker's DNS points to 127.0.0.1 could read and send mail here.
        if self.headers.get("Host", "").lower() in self.server.hosts:
            return True
        self.refuse("this page answers to its own address only", HTTPStatus.MISDIRECTED_REQUEST)
        return False


def _fields(query: str) -> dict[str, str]:
    return {key: values[-1] for key, values in parse_qs(query, keep_blank_values=True).items()}
