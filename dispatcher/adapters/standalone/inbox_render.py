"""The inbox's pages as HTML."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dispatcher.adapters.standalone.mail_view import MailView, read_headers, take_apart
from dispatcher.adapters.standalone.mailbox import Mailbox

MAILS_PER_PAGE: Final = 50

VIEWS: Final = {
    "html": "HTML",
    "text": "Text",
    "headers": "Headers",
    "parts": "Parts",
    "source": "Source",
}
_WIDTHS: Final = ("wide", "phone")


@dataclass(frozen=True, slots=True)
class Row:
    """One mail in the list."""

    name: str
    sender: str
    recipients: str
    subject: str
    received_at: datetime
    size: int


class PageRenderer:
    """Renders the list and the mails of a mailbox."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters["bytes"] = human_size
        # A mail never changes once it is there.
        self._row = lru_cache(maxsize=1000)(self._read_row)

    def listing(self, page: str) -> str:
        """Return the list, newest first.

        Args:
            page: Its page as in the query; anything odd means the first.
        """
        names = self._mailbox.names()
        pages = max(1, -(-len(names) // MAILS_PER_PAGE))
        # The length first: a number of thousands of digits is an error to int().
        number = int(page) if len(page) < 10 and page.isascii() and page.isdigit() else 1  # noqa: PLR2004 - nine digits do
        number = min(max(number, 1), pages)
        shown = names[(number - 1) * MAILS_PER_PAGE : number * MAILS_PER_PAGE]
        return self._environment.get_template("list.html").render(
            rows=[row for name in shown if (row := self._row_if_there(name))],
            total=len(names),
            newest=names[0] if names else "",
            page=number,
            pages=pages,
        )

    def mail(self, name: str, content: bytes, query: Mapping[str, str]) -> str:
        """Return the page of one mail.

        Args:
            name: The mail's name.
            content: The mail.
            query: ``view`` (one of :data:`VIEWS`) and ``width`` (``wide`` or ``phone``).

        Raises:
            FileNotFoundError: It has no envelope.
        """
        view = take_apart(content)
        names = self._mailbox.names()
        place = names.index(name) if name in names else 0
        asked = query.get("view", "")
        return self._environment.get_template("mail.html").render(
            name=name,
            mail=view,
            envelope=self._mailbox.envelope(name),
            views=VIEWS,
            view=asked if asked in VIEWS else _best_view(view),
            width=query.get("width") if query.get("width") in _WIDTHS else _WIDTHS[0],
            newer=names[place - 1] if place > 0 else "",
            older=names[place + 1] if place + 1 < len(names) else "",
        )

    def missing(self) -> str:
        """Return the page for what is not there."""
        return self._environment.get_template("missing.html").render()

    def _row_if_there(self, name: str) -> Row | None:
        try:
            return self._row(name)
        except FileNotFoundError:
            # Deleted since the folder was listed.
            return None

    def _read_row(self, name: str) -> Row:
        envelope = self._mailbox.envelope(name)
        headers = {key.lower(): value for key, value in read_headers(self._mailbox.read(name))}
        return Row(
            name=name,
            sender=headers.get("from", envelope.sender),
            recipients=", ".join(envelope.recipients),
            subject=headers.get("subject", ""),
            received_at=envelope.received_at,
            size=envelope.size,
        )


def human_size(count: int) -> str:
    """Return a number of bytes as people write it: ``812 B``, ``3.2 kB``, ``1.5 MB``."""
    if count < 1000:  # noqa: PLR2004 - the prefix itself
        return f"{count} B"
    if count < 999_950:  # noqa: PLR2004 - from here on it would read 1000.0 kB
        return f"{count / 1000:.1f} kB"
    return f"{count / 1_000_000:.1f} MB"


def _best_view(mail: MailView) -> str:
    if mail.html is not None:
        return "html"
    return "text" if mail.text is not None else "source"
