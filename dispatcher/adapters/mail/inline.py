"""An image inside a mail: a part beside the HTML that shows it (RFC 2387), never a remote one."""

from binascii import b2a_base64
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from dispatcher.logo import Logo

_MOST: Final = 64
"""Logos that are kept in wire form: three megabytes when all are as large as they may be."""

_BASE64_LINE: Final = 76  # RFC 2045 section 6.8
_SUFFIXES: Final = {"image/png": "png", "image/jpeg": "jpg"}


@dataclass(frozen=True, slots=True)
class Inline:
    """An image in wire form.

    Args:
        id: Its Content-ID, without angle brackets.
        part: The part, from the end of its boundary line on.
        shown_size: The width and height to show it in, pixels.
    """

    id: str
    part: bytes = field(repr=False)
    shown_size: tuple[int, int]

    @staticmethod
    def of(logo: Logo, domain: str) -> "Inline":
        """Return a logo as the mails of a domain carry it."""
        return _inline(logo, domain)

    def beside(self, html: bytes, boundary: str) -> bytes:
        """Return the part that holds both the HTML and the image.

        Args:
            html: The HTML part, from the end of its boundary line on.
            boundary: The boundary of the parts around.
        """
        # Neither of two boundaries may begin with the other (RFC 2046 section 5.1.1).
        inner = boundary.replace("=_", "=_i.", 1)
        mark = f"\r\n--{inner}".encode()
        head = f'\r\nContent-Type: multipart/related; type="text/html";\r\n boundary="{inner}"\r\n'
        return b"".join((head.encode(), mark, html, mark, self.part, mark, b"--"))


@lru_cache(maxsize=_MOST)
def _inline(logo: Logo, domain: str) -> Inline:
    # The same content has the same Content-ID wherever it is: unique, as RFC 2392 wants it.
    name = blake2b(logo.content, digest_size=12).hexdigest()
    head = (
        f"\r\nContent-Type: {logo.media_type}\r\nContent-Transfer-Encoding: base64\r\n"
        f"Content-ID: <{name}@{domain}>\r\n"
        f'Content-Disposition: inline; filename="logo.{_SUFFIXES[logo.media_type]}"\r\n\r\n'
    )
    encoded = b2a_base64(logo.content, newline=False)
    lines = [encoded[at : at + _BASE64_LINE] for at in range(0, len(encoded), _BASE64_LINE)]
    return Inline(f"{name}@{domain}", head.encode() + b"\r\n".join(lines), logo.shown_size)
