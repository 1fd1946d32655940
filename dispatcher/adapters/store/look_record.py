"""How an organization's look is written in the store.

Key ``<prefix>look:<org>`` is its mark, which every event reads: its sequence and, after a tab,
when it changed (microseconds). After a reset only the sequence is left: it never falls. Key
``<prefix>look-content:<org>`` is its content, JSON, which a process reads once for each mark.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

import pydantic_core

from dispatcher.adapters.store.codec import from_microseconds, to_json
from dispatcher.adapters.store.names import to_bytes
from dispatcher.branding import Branding
from dispatcher.errors import StoreUnavailable
from dispatcher.logo import Logo
from dispatcher.look import Look
from dispatcher.texts import LARGEST as TEXTS

_BRANDING: Final = tuple(each.name for each in fields(Branding) if each.name != "logo")


def mark_key(prefix: bytes, org_id: str) -> bytes:
    """Return the key of the mark of an organization's look."""
    return b"%blook:%b" % (prefix, to_bytes(org_id))


def keys_of(prefix: bytes, org_id: str) -> tuple[bytes, bytes]:
    """Return the keys of its mark and its content."""
    return mark_key(prefix, org_id), b"%blook-content:%b" % (prefix, to_bytes(org_id))


def sequence_of(mark: bytes | None) -> int:
    """Return how many changes the look has seen.

    Raises:
        StoreUnavailable: The mark is broken.
    """
    try:
        return int(mark.partition(b"\t")[0]) if mark is not None else 0
    except ValueError as error:
        raise StoreUnavailable("a look in the store is broken") from error


def is_reset(mark: bytes) -> bool:
    """Tell whether the look was given back to the instance."""
    return mark.isdigit()


def encode(look: Look) -> bytes:
    """Return a look's content, or nothing where none of it is set."""
    if not look.is_set:
        return b""
    branding: dict[str, Any] = {name: getattr(look.branding, name) for name in _BRANDING}
    logo = look.branding.logo
    if logo:
        image = b64encode(logo.content).decode()
        branding["logo"] = [logo.media_type, image, logo.width, logo.height]
    texts = [[*key, wording] for key, wording in look.texts.items()]
    return to_json({"branding": branding, "texts": texts})


def decode(org_id: str, mark: bytes, content: bytes) -> Look:
    """Return the look that is written so; what a newer version added to it is left out.

    Raises:
        StoreUnavailable: The record is broken.
    """
    try:
        sequence, _, changed = mark.partition(b"\t")
        kept = pydantic_core.from_json(content)
        texts = {
            (kind, language): {name: text for name, text in wording.items() if name in TEXTS}
            for kind, language, wording in kept["texts"]
        }
        at = from_microseconds(changed) if changed else None
        return Look(org_id, _branding(kept["branding"]), texts, int(sequence), at)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreUnavailable("a look in the store is broken") from error


def _branding(kept: Mapping[str, Any]) -> Branding:
    logo = None
    if kept.get("logo"):
        media_type, image, width, height = kept["logo"]
        logo = Logo(media_type, b64decode(image), width, height)
    return Branding(logo=logo, **{name: kept[name] for name in _BRANDING if name in kept})
