"""An imaginary organization's look, for the gallery: name, logo, colours, imprint, own words."""

import struct
from functools import cache
from typing import Final
from zlib import compress, crc32

from dispatcher.branding import Branding, BrandingChange, changed
from dispatcher.look import Look

_SIDE: Final = 64
_PLUM, _SAND = b"\x5b\x21\x4e\xff", b"\xf4\xb9\x42\xff"


@cache
def globex(name: str, imprint: str) -> Look:
    """Return a look with everything set, checked as one that an organization sets itself."""
    branding = changed(
        Branding(),
        BrandingChange(
            name=name,
            primary="#7a2a69",
            background="#fbf7f2",
            font="#2b1d29",
            footer=imprint,
            logo=_logo(),
        ),
    )
    words = {
        "greeting": "Good day{% if name %}, {{ name }}{% endif %}.",
        "footer_text": "The service desk of Globex sends this whenever an account changes.",
    }
    texts = {(kind, "en"): words for kind in ("password_change", "email_change")}
    return Look("globex", branding, texts)


def _logo() -> bytes:
    """Return a PNG: a disc within a square (RFC 2083)."""
    middle, radius = (_SIDE - 1) / 2, _SIDE / 3
    rows = b"".join(
        b"\0"
        + b"".join(
            _SAND if (x - middle) ** 2 + (y - middle) ** 2 < radius**2 else _PLUM
            for x in range(_SIDE)
        )
        for y in range(_SIDE)
    )
    header = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 6, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", crc32(name + body))
        for name, body in chunks
    )
