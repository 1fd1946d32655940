"""The gallery over HTTP: its pages, its mails in every form, and the form that sends one."""

import json
import re
import socket
from collections.abc import Mapping
from functools import cached_property
from hmac import compare_digest
from http import HTTPStatus
from secrets import token_urlsafe
from typing import ClassVar, Final

from dispatcher.adapters.mail.addresses import parse_address
from dispatcher.adapters.standalone.mail_view import as_page, take_apart
from dispatcher.adapters.standalone.page_server import (
    MAIL_POLICY,
    PageConversation,
    PageServer,
)
from dispatcher.cli.preview_gallery import Edition, Exhibit, Gallery
from dispatcher.cli.preview_pages import FOLDERS, Notice, Pages, Sending
from dispatcher.cli.preview_post import Post
from dispatcher.cli.preview_samples import CONTENTS, VARIANTS
from dispatcher.cli.preview_scheme import SCHEMES, in_scheme
from dispatcher.errors import ConfigError, RenderError, TransportError

_HOST: Final = "127.0.0.1"

_BACKLOG: Final = 128
_ASSETS: Final = {
    "style.css": "text/css; charset=utf-8",
    "preview.css": "text/css; charset=utf-8",
    "preview.js": "text/javascript; charset=utf-8",
}


class PreviewServer(PageServer):
    """Serves a gallery.

    Args:
        port: Where; 0 for any free port. One that is taken is replaced by a free one.
        gallery: What is shown.
        post: Sends mails, or None where that is not possible.
        remark: Why it is not, or "".

    Raises:
        ConfigError: The machine gives no port.
    """

    def __init__(self, port: int, gallery: Gallery, post: Post | None, *, remark: str = "") -> None:
        super().__init__(_listen(port), _Conversation)
        self.gallery = gallery
        self.post = post
        self.pages = Pages(gallery, remark=remark)
        self.token = token_urlsafe()


class _Conversation(PageConversation):
    server: PreviewServer
    server_version = "preview"

    _MAIL: ClassVar = re.compile(
        r"/mail/(?P<kind>\w+)/(?P<variant>[\w-]+)/(?P<content>\w+)/(?P<language>[\w-]+?)"
        r"(?P<form>/html|/send|\.eml|)"
    )

    @cached_property
    def _gallery(self) -> Gallery:
        return self.server.gallery

    def get(self, path: str, query: Mapping[str, str]) -> None:
        edition = self._gallery.edition()
        if path == "/":
            self.answer(self.server.pages.listing(edition, query))
        elif path == "/state":
            self.answer(json.dumps(edition.version), "application/json")
        elif (asset := path.removeprefix("/")) in _ASSETS:
            self.answer(_asset(asset), _ASSETS[asset])
        else:
            exhibit, form = self._exhibit(path, edition)
            self._show(edition, exhibit, form, query)

    def post(self, path: str, form: Mapping[str, str]) -> None:
        edition = self._gallery.edition()
        exhibit, asked = self._exhibit(path, edition)
        if asked != "/send" or self.server.post is None:
            raise LookupError(path)
        if not compare_digest(form.get("token", "").encode(), self.server.token.encode()):
            self.refuse("this form is from an earlier run: load the page again", _FORBIDDEN)
            return
        to = form.get("to", "").strip()
        notice, status = self._sent(self.server.post, edition, exhibit, to)
        if notice.good:
            # Loading the page again then does not send again.
            self.answer("", status=status, headers={"Location": f"{exhibit.path}?sent=yes"})
        else:
            self._page(edition, exhibit, form, status=status, to=to, notice=notice)

    def missing(self) -> None:
        self.answer(self.server.pages.missing(), status=HTTPStatus.NOT_FOUND)

    def _exhibit(self, path: str, edition: Edition) -> tuple[Exhibit, str]:
        """Return which mail is at a path, and in which form."""
        match = self._MAIL.fullmatch(path)
        if match is None:
            raise LookupError(path)
        *keys, form = match.groups()
        exhibit = Exhibit(*keys)
        known = (self._gallery.kinds, VARIANTS, CONTENTS, edition.languages)
        if not all(key in keys_known for key, keys_known in zip(keys, known, strict=True)):
            raise LookupError(path)
        return exhibit, form

    def _show(
        self, edition: Edition, exhibit: Exhibit, form: str, query: Mapping[str, str]
    ) -> None:
        if form == "":
            sent = Notice("The relay took it.", good=True) if query.get("sent") == "yes" else None
            self._page(edition, exhibit, query, notice=sent)
            return
        if form == "/send" or edition.renderer is None:
            raise LookupError(form)
        try:
            content = self._gallery.message(exhibit, edition.renderer).content
        except RenderError as error:
            raise LookupError(form) from error
        if form == ".eml":
            name = exhibit.path.removeprefix("/mail/").replace("/", "-")
            attached = {"Content-Disposition": f'attachment; filename="{name}.eml"'}
            self.answer(content, "message/rfc822", headers=attached)
        else:
            scheme = "dark" if query.get("scheme") == "dark" else SCHEMES[0]
            page = in_scheme(as_page(take_apart(content)), scheme)
            self.answer(page, policy=MAIL_POLICY)

    def _page(
        self,
        edition: Edition,
        exhibit: Exhibit,
        query: Mapping[str, str],
        *,
        status: HTTPStatus = HTTPStatus.OK,
        to: str = "",
        notice: Notice | None = None,
    ) -> None:
        sending = Sending(self.server.token, to) if self.server.post else None
        pages = self.server.pages
        page = pages.mail(edition, exhibit, query, sending=sending, notice=notice)
        self.answer(page, status=status)

    @staticmethod
    def _sent(post: Post, edition: Edition, exhibit: Exhibit, to: str) -> tuple[Notice, HTTPStatus]:
        """Send a mail; return what came of it."""
        try:
            parse_address(to)
        except RenderError:
            expected = "Not sent: expected one mail address, such as ada@example.org."
            return Notice(expected), HTTPStatus.UNPROCESSABLE_ENTITY
        if edition.renderer is None:
            return Notice("Not sent: no template works yet."), HTTPStatus.CONFLICT
        try:
            post.send(exhibit, edition.renderer, to)
        except RenderError as error:
            return Notice(f"Not sent: {error}."), HTTPStatus.CONFLICT
        except TransportError as error:
            where = f" ({error.relay})" if error.relay else ""
            return Notice(f"Not sent: {error.reason}{where}."), HTTPStatus.BAD_GATEWAY
        return Notice("", good=True), HTTPStatus.SEE_OTHER


_FORBIDDEN: Final = HTTPStatus.FORBIDDEN


def _asset(name: str) -> bytes:
    return next(path for folder in FOLDERS if (path := folder / name).is_file()).read_bytes()


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((_HOST, port), backlog=_BACKLOG)
    except OSError as error:
        if port:
            return _listen(0)
        raise ConfigError(f"the page cannot listen on {_HOST}: {error.strerror}") from error
