"""Personal fields of an event, made unreadable for whoever need not read them."""

from collections.abc import Mapping
from typing import Any, Final

HIDDEN: Final = "•••"

_PERSONAL: Final[Mapping[str, frozenset[str]]] = {
    "user": frozenset({"email", "previous_email", "display_name", "login_name"}),
    "context": frozenset({"ip", "user_agent", "place"}),
}


def redacted(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event with addresses, names and traces of the user hidden.

    Ids stay, so that the user can be found in the IAM. Works for malformed events
    too: a personal field of any type is hidden.
    """
    return {field: _part(field, value) for field, value in event.items()}


def address(text: str) -> str:
    """Return an address with its local part hidden but for the first character."""
    local, at, domain = text.rpartition("@")
    return f"{local[:1]}{HIDDEN}@{domain}" if at and domain else HIDDEN


def _part(field: str, value: object) -> object:
    personal = _PERSONAL.get(field)
    if personal is None:
        return value
    if not isinstance(value, Mapping):
        return HIDDEN
    return {name: _hide(item) if name in personal else item for name, item in value.items()}


def _hide(value: object) -> str:
    return address(value) if isinstance(value, str) else HIDDEN
