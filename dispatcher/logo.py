"""An organization's logo: a small PNG or JPEG, which travels inside the mail."""

from dataclasses import dataclass, field
from typing import Final

from dispatcher.errors import InvalidLook

LARGEST: Final = 32 * 1024
"""Bytes a logo may have: it travels with every mail, a third larger."""

_MOST_PIXELS: Final = 2_000
_PNG_BEGINS: Final = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
_PNG_ENDS: Final = b"IEND\xaeB`\x82"
_JPEG_BEGINS: Final = b"\xff\xd8\xff"
_JPEG_ENDS: Final = b"\xff\xd9"
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # ITU-T T.81, table B.1
_STANDALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
_FILL: Final = 0xFF  # begins every marker, and may stand before it any number of times
_SHOWN_WIDTH, _SHOWN_HEIGHT = 240, 64


@dataclass(frozen=True, slots=True)
class Logo:
    """An image.

    Args:
        media_type: ``image/png`` or ``image/jpeg``.
        content: Its bytes.
        width: Pixels.
        height: Pixels.
    """

    media_type: str
    content: bytes = field(repr=False)
    width: int
    height: int

    @property
    def shown_size(self) -> tuple[int, int]:
        """Return the width and height to show it in: never enlarged, at most 240 by 64."""
        scale = min(_SHOWN_WIDTH / self.width, _SHOWN_HEIGHT / self.height, 1.0)
        return max(round(self.width * scale), 1), max(round(self.height * scale), 1)


def parse_logo(content: bytes) -> Logo:
    """Return the logo that these bytes are.

    Raises:
        InvalidLook: They are none, or too many.
    """
    if len(content) > LARGEST:
        raise InvalidLook(f"has {len(content):,} bytes; at most {LARGEST:,}")
    if content.startswith(_PNG_BEGINS) and content.endswith(_PNG_ENDS):
        size = int.from_bytes(content[16:20]), int.from_bytes(content[20:24])
        return _of_size("image/png", content, *size)
    if content.startswith(_JPEG_BEGINS) and content.endswith(_JPEG_ENDS):
        return _of_size("image/jpeg", content, *_jpeg_size(content))
    raise InvalidLook("expected a whole PNG or JPEG file")


def _of_size(media_type: str, content: bytes, width: int, height: int) -> Logo:
    if not (0 < width <= _MOST_PIXELS and 0 < height <= _MOST_PIXELS):
        most = f"{_MOST_PIXELS:,}"
        raise InvalidLook(f"is {width:,} by {height:,} pixels; at most {most} by {most}")
    return Logo(media_type, content, width, height)


def _jpeg_size(content: bytes) -> tuple[int, int]:
    at = 2
    while at + 9 <= len(content) and content[at] == _FILL:
        marker = content[at + 1]
        if marker in _FRAMES:
            return int.from_bytes(content[at + 7 : at + 9]), int.from_bytes(
                content[at + 5 : at + 7]
            )
        if marker == _FILL:
            at += 1
        elif marker in _STANDALONE:
            at += 2
        else:
            at += 2 + int.from_bytes(content[at + 2 : at + 4])
    raise InvalidLook("expected a whole PNG or JPEG file")
