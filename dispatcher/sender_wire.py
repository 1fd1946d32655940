"""Senders as JSON: the form in which the update task takes and tells them; never a secret."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from dispatcher.errors import InvalidSender
from dispatcher.policy_wire import timestamp
from dispatcher.sender import Sender, SenderChange

_FIELDS: Final = {"mailFrom": "mail_from", "replyTo": "reply_to", "relays": "relays"}
_EXPECTED: Final = (
    'expected a JSON object such as {"mailFrom": "Acme <no-reply@acme.example>", '
    '"replyTo": "help@acme.example", "relays": "smtp://user:password@relay:587"}'
)


def parse_change(body: object) -> SenderChange:
    """Return what an update body changes: what it does not name stays, null and "" reset it.

    Each field may be spelt in snake case, too. Other fields are ignored; a body that
    changes nothing is refused, because a slip of the pen must not look like success.

    Args:
        body: Decoded JSON.

    Raises:
        InvalidSender: The body is not of that form; the text says what was expected.
    """
    if not isinstance(body, Mapping):
        raise InvalidSender(_EXPECTED)
    found: dict[str, str] = {}
    for name, snake in _FIELDS.items():
        spelt = [each for each in dict.fromkeys((name, snake)) if each in body]
        if len(spelt) > 1:
            raise InvalidSender(f"{name} is set twice: expected one")
        for each in spelt:
            value = body[each]
            if not isinstance(value, str | None):
                raise InvalidSender(f"{each}: expected a string or null")
            found[snake] = (value or "").strip()
    if not found:
        raise InvalidSender(f"the body changes nothing: {_EXPECTED}")
    return SenderChange(**found)


def sender_body(sender: Sender) -> dict[str, Any]:
    """Return a sender as JSON, its passwords hidden; an empty field is null: the instance's."""
    return {
        "organization": sender.org_id,
        "mailFrom": sender.mail_from or None,
        "replyTo": sender.reply_to or None,
        "relays": redacted(sender.relays) or None,
        "sequence": str(sender.sequence),
        "changeDate": timestamp(sender.changed_at) if sender.changed_at else None,
    }


def redacted(relays: str) -> str:
    """Return relays' URLs with passwords hidden: ``smtp://user:***@host:587``."""
    return ",".join(_hidden(url.strip()) for url in relays.split(",")) if relays else ""


def _hidden(url: str) -> str:
    parts = urlsplit(url)
    user_info, at, host = parts.netloc.rpartition("@")
    user, colon, _ = user_info.partition(":")
    password = ":***" if colon else ""
    return urlunsplit(parts._replace(netloc=f"{user}{password}{at}{host}"))
