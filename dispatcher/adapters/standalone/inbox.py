"""An inbox for development: an SMTP server that keeps what it gets, and a page to look at it."""

import ipaddress
import socket
from pathlib import Path
from typing import Final

from dispatcher.adapters.standalone.inbox_page import InboxPage
from dispatcher.adapters.standalone.inbox_smtp import InboxServer
from dispatcher.adapters.standalone.mailbox import Mailbox
from dispatcher.errors import ConfigError

DEFAULT_REFUSE: Final = frozenset({"refused@*", "nobody@*"})
DEFAULT_GREYLIST: Final = frozenset({"greylisted@*"})

_BACKLOG: Final = 256


class Inbox:
    """An SMTP server and a web page on loopback; both run in threads of their own.

    Args:
        folder: Where the ``.eml`` files go; made private (0700).
        smtp_host: Loopback address of the SMTP server.
        smtp_port: Its port; 0 for any free one.
        http_host: Loopback address of the page.
        http_port: Its port; 0 for any free one.
        refuse: Patterns of recipients that do not exist here (550 5.1.1).
        greylist: Patterns of recipients that are put off once (451 4.7.1).
    """

    def __init__(
        self,
        folder: Path,
        *,
        smtp_host: str = "127.0.0.1",
        smtp_port: int = 0,
        http_host: str = "127.0.0.1",
        http_port: int = 8025,
        refuse: frozenset[str] = DEFAULT_REFUSE,
        greylist: frozenset[str] = DEFAULT_GREYLIST,
    ) -> None:
        for host in (smtp_host, http_host):
            if not _is_loopback(host):
                raise ConfigError(
                    f"the inbox shows every mail to whoever asks: {host} is no place for it"
                )
        self.mailbox = Mailbox(folder)
        self._smtp_at = (smtp_host, smtp_port)
        self._http_at = (http_host, http_port)
        self._smtp = InboxServer(self.mailbox, refuse=refuse, greylist=greylist)
        self._page: InboxPage | None = None
        self.notes: tuple[str, ...] = ()
        """What to tell the user: ports that were taken, and what was used instead."""

    @property
    def smtp_url(self) -> str:
        """The relay's URL, as in DISPATCHER_SMTP_URL."""
        return f"smtp://{_authority(self._smtp_at)}?tls=none"

    @property
    def http_url(self) -> str:
        """The page's URL."""
        return f"http://{_authority(self._http_at)}/"

    def start(self) -> None:
        """Serve. A port that is taken is replaced by a free one, and :attr:`notes` says so.

        Raises:
            ConfigError: The folder cannot be used, or the machine gives no port.
        """
        self.mailbox.open()
        smtp, smtp_note = _listen("SMTP server", *self._smtp_at)
        http, http_note = _listen("page", *self._http_at)
        self.notes = tuple(note for note in (smtp_note, http_note) if note)
        self._smtp_at = (self._smtp_at[0], smtp.getsockname()[1])
        self._http_at = (self._http_at[0], http.getsockname()[1])
        self._smtp.start(smtp)
        self._page = InboxPage(self.mailbox, http)
        self._page.start()

    def stop(self) -> None:
        """Stop serving; mails stay where they are. A no-op when not started."""
        self._smtp.stop()
        if self._page is not None:
            self._page.stop()
            self._page = None


def _listen(what: str, host: str, port: int) -> tuple[socket.socket, str]:
    try:
        return _bind(host, port), ""
    except OSError as error:
        if port == 0:
            raise ConfigError(
                f"the inbox's {what} cannot listen on {host}: {error.strerror}"
            ) from error
    listener = _bind(host, 0)
    return listener, (
        f"port {port} is taken; the inbox's {what} uses {listener.getsockname()[1]} instead"
    )


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio sets TCP_NODELAY only where it is;
    # without that, each reply waits 40 ms for the client's delayed acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _authority(at: tuple[str, int]) -> str:
    host, port = at
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
