"""The inbox's page over HTTP, for people; standard library and templates only."""

import json
import re
import socket
import threading
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import ClassVar, Final
from urllib.parse import quote

from dispatcher.adapters.standalone.inbox_render import PageRenderer
from dispatcher.adapters.standalone.mail_view import Part, as_page, take_apart
from dispatcher.adapters.standalone.mailbox import Mailbox
from dispatcher.adapters.standalone.page_server import (
    MAIL_POLICY,
    PageConversation,
    PageServer,
)

_ASSETS: Final = {"style.css": "text/css; charset=utf-8", "refresh.js": "text/javascript"}
_FOLDER: Final = Path(__file__).parent / "pages"


class InboxPage:
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


class _Server(PageServer):
    def __init__(self, mailbox: Mailbox, listener: socket.socket) -> None:
        super().__init__(listener, _Conversation)
        self.mailbox = mailbox
        self.pages = PageRenderer(mailbox)


class _Conversation(PageConversation):
    server: _Server
    server_version = "inbox"

    _MAIL: ClassVar = re.compile(r"/mail/(?P<name>[\w.-]+?)(?P<rest>\.eml|/html|/part/\d+|)")

    def get(self, path: str, query: Mapping[str, str]) -> None:
        mail = self._MAIL.fullmatch(path)
        if mail is not None:
            self._show(mail["name"], mail["rest"], query)
        elif path == "/":
            self.answer(self.server.pages.listing(query.get("page", "1")))
        elif path == "/state":
            names = self.server.mailbox.names()
            self.answer(json.dumps([len(names), *names[:1]]), "application/json")
        elif (asset := path.removeprefix("/")) in _ASSETS:
            self.answer((_FOLDER / asset).read_bytes(), _ASSETS[asset])
        else:
            raise LookupError(path)

    def post(self, path: str, form: Mapping[str, str]) -> None:  # noqa: ARG002 - it has no field
        if path != "/delete":
            raise LookupError(path)
        self.server.mailbox.clear()
        self.answer("", "text/plain", status=HTTPStatus.SEE_OTHER, headers={"Location": "/"})

    def missing(self) -> None:
        self.answer(self.server.pages.missing(), status=HTTPStatus.NOT_FOUND)

    def _show(self, name: str, form: str, query: Mapping[str, str]) -> None:
        try:
            content = self.server.mailbox.read(name)
        except FileNotFoundError as error:
            raise LookupError(name) from error
        if form == ".eml":
            self._download(content, "message/rfc822", f"{name}.eml")
        elif form == "/html":
            self.answer(as_page(take_apart(content)), policy=MAIL_POLICY)
        elif form.startswith("/part/"):
            part = _part(take_apart(content).parts, int(form.rpartition("/")[2]))
            # Never shown in place: a part may be a page with a script.
            self._download(part.content, "application/octet-stream", part.name or "part.bin")
        else:
            self.answer(self.server.pages.mail(name, content, query))

    def _download(self, content: bytes, media_type: str, name: str) -> None:
        # RFC 6266: only the encoded form, so that no name can break out of the header.
        disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
        self.answer(content, media_type, headers={"Content-Disposition": disposition})


def _part(parts: tuple[Part, ...], number: int) -> Part:
    if number >= len(parts):
        raise LookupError(number)
    return parts[number]
