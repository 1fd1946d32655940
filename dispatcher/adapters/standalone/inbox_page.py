"""The inbox's page over HTTP, for people; standard library and templates only."""

import json
import re
import socket
import threading
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Final
from urllib.parse import parse_qs, quote, urlsplit

from dispatcher.adapters.standalone.inbox_render import PageRenderer
from dispatcher.adapters.standalone.mail_view import Part, as_page, take_apart
from dispatcher.adapters.standalone.mailbox import Mailbox

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
_ASSETS: Final = {"style.css": "text/css; charset=utf-8", "refresh.js": "text/javascript"}
_FOLDER: Final = Path(__file__).parent / "pages"


class PageServer:
    """Serves the page on a listening socket, which becomes ours, in a thread.

    Args:
        mailbox: The mails to show.
        listener: A bound, listening socket on loopback.
    """

    def __init__(self, mailbox: Mailbox, listener: socket.socket) -> None:
        self._server = _Server(mailbox, listener)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="inbox-page", daemon=True
        )

    def start(self) -> None:
        """Serve."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # A browser keeps its connections open; stopping does not wait for it.
    block_on_close = False

    def __init__(self, mailbox: Mailbox, listener: socket.socket) -> None:
        host, port = listener.getsockname()[:2]
        super().__init__((host, port), _Conversation, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.server_address = (host, port)
        self.mailbox = mailbox
        self.pages = PageRenderer(mailbox)
        authority = f"[{host}]" if ":" in host else host
        self.hosts = frozenset(f"{name}:{port}" for name in (authority, "localhost", "127.0.0.1"))


class _Conversation(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = "inbox"
    sys_version = ""
    disable_nagle_algorithm = True
    timeout = 60.0

    _MAIL: ClassVar = re.compile(r"/mail/(?P<name>[\w.-]+?)(?P<rest>\.eml|/html|/part/\d+|)")

    def do_GET(self) -> None:
        """Answer a page, an asset, or a mail in one of its forms."""
        if not self._is_for_us():
            return
        url = urlsplit(self.path)
        query = {key: values[-1] for key, values in parse_qs(url.query).items()}
        try:
            self._route(url.path, query)
        except FileNotFoundError:
            self._answer(self.server.pages.missing(), status=HTTPStatus.NOT_FOUND)

    def do_HEAD(self) -> None:
        """Answer as to GET, without the body."""
        self.do_GET()

    def do_POST(self) -> None:
        """Delete all mails, when the page itself asks."""
        length = self.headers.get("Content-Length", "0")
        self.rfile.read(min(int(length) if length.isdigit() else 0, 65536))
        if not self._is_for_us():
            return
        # A page elsewhere may send this form too, but cannot lie about where it is.
        origin = self.headers.get("Origin", "")
        if urlsplit(origin).netloc not in self.server.hosts:
            self._answer("another site may not do this", "text/plain", status=HTTPStatus.FORBIDDEN)
        elif self.path != "/delete":
            self._answer(self.server.pages.missing(), status=HTTPStatus.NOT_FOUND)
        else:
            self.server.mailbox.clear()
            self._answer("", "text/plain", status=HTTPStatus.SEE_OTHER, headers={"Location": "/"})

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base
        """Say nothing: a log of who looked at what helps no one here."""

    def _is_for_us(self) -> bool:
        # A name that an attacker's DNS points to 127.0.0.1 would read every mail.
        if self.headers.get("Host", "").lower() in self.server.hosts:
            return True
        self._answer(
            "this page answers to its own address only",
            "text/plain",
            status=HTTPStatus.MISDIRECTED_REQUEST,
        )
        return False

    def _route(self, path: str, query: dict[str, str]) -> None:
        mail = self._MAIL.fullmatch(path)
        if mail is not None:
            self._show(mail["name"], mail["rest"], query)
        elif path == "/":
            self._answer(self.server.pages.listing(query.get("page", "1")))
        elif path == "/state":
            names = self.server.mailbox.names()
            self._answer(json.dumps([len(names), *names[:1]]), "application/json")
        elif path.removeprefix("/") in _ASSETS:
            asset = path.removeprefix("/")
            self._answer((_FOLDER / asset).read_bytes(), _ASSETS[asset])
        else:
            raise FileNotFoundError(path)

    def _show(self, name: str, form: str, query: dict[str, str]) -> None:
        content = self.server.mailbox.read(name)
        if form == ".eml":
            self._download(content, "message/rfc822", f"{name}.eml")
        elif form == "/html":
            self._answer(as_page(take_apart(content)), policy=MAIL_POLICY)
        elif form.startswith("/part/"):
            part = _part(take_apart(content).parts, int(form.rpartition("/")[2]))
            # Never shown in place: a part may be a page with a script.
            self._download(part.content, "application/octet-stream", part.name or "part.bin")
        else:
            self._answer(self.server.pages.mail(name, content, query))

    def _download(self, content: bytes, media_type: str, name: str) -> None:
        # RFC 6266: only the encoded form, so that no name can break out of the header.
        disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
        self._answer(content, media_type, headers={"Content-Disposition": disposition})

    def _answer(
        self,
        body: str | bytes,
        media_type: str = _HTML,
        *,
        status: HTTPStatus = HTTPStatus.OK,
        policy: str = PAGE_POLICY,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        content = body.encode("utf-8", "replace") if isinstance(body, str) else body
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Security-Policy", policy)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _part(parts: tuple[Part, ...], number: int) -> Part:
    if number >= len(parts):
        raise FileNotFoundError(number)
    return parts[number]
