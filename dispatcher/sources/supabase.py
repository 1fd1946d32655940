"""Supabase Auth's Send Email hook: what it would have mailed, had it no hook.

Its security notifications say what changed; all other mails of Supabase come here as well,
with codes and links that nobody else sends. Sources: supabase/auth, its hooks and its mailer.
"""

import hmac
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from json import dumps
from typing import Any, ClassVar, Final

from dispatcher.connection import Connection
from dispatcher.events import PASSWORD_CHANGED, Context, User
from dispatcher.sources import standard_webhooks
from dispatcher.sources.hook import (
    JSON,
    SAMPLE_USER,
    Call,
    KeySet,
    Occurrence,
    Reading,
    Reply,
    Source,
    decode_object,
    text,
)
from dispatcher.sources.instants import instant
from dispatcher.triggers.email_change import EMAIL_CHANGED

_PREFIX: Final = "v1,"
_TYPES: Final = {
    "password_changed_notification": PASSWORD_CHANGED,
    "email_changed_notification": EMAIL_CHANGED,
}
_REFUSE: Final = "refuse"
_IGNORE: Final = "ignore"
_SHORTEST: Final = 24  # bytes; the lower bound of Standard Webhooks


class Supabase(Source):
    """Supabase Auth's Send Email hook, or what forwards its calls."""

    kind = "supabase"
    title = "Supabase Auth, its Send Email hook"
    options: ClassVar[Mapping[str, str]] = {
        "others": "its other mails, which nobody will get: refuse (the default, an error at "
        "Supabase) or ignore"
    }

    def new_secret(self, connection: Connection, octets: bytes) -> str | None:
        """Return a secret as Supabase spells it."""
        return f"{_PREFIX}{standard_webhooks.SOURCE.new_secret(connection, octets)}"

    def mistakes(self, connection: Connection) -> Sequence[str]:
        """Return what is wrong with its secrets and options."""
        wrong = list(super().mistakes(connection))
        if any(len(key) < _SHORTEST for key in _keys(connection)):
            wrong.append(
                f"a secret must be {_PREFIX}{standard_webhooks.PREFIX}… as Supabase has it"
            )
        if connection.options.get("others", _REFUSE) not in {_REFUSE, _IGNORE}:
            wrong.append(f"the option others must be {_REFUSE} or {_IGNORE}")
        return wrong

    async def verify(
        self, call: Call, connection: Connection, keys: KeySet, now: datetime
    ) -> bytes:
        """Return the body, which one of the secrets signed within the last five minutes."""
        del keys
        standard_webhooks.check(call, _secrets(connection), now)
        return call.body

    def parse(self, content: bytes, call: Call, connection: Connection) -> Reading:
        """Return what the mail would have told; of its codes, nothing."""
        del call
        hook = decode_object(content)
        event_type = _TYPES.get(text(hook, "email_data", "email_action_type"))
        if event_type is not None:
            return Reading([_occurrence(hook, event_type)])
        refuses = connection.options.get("others", _REFUSE) == _REFUSE
        return Reading(ignored=1, reply=_unsent() if refuses else None)

    def accepted(self) -> Reply:
        """Return an empty JSON object: without one, Supabase has its user's request fail."""
        return Reply(200, {})

    def sample(self, connection: Connection, now: datetime, tenant: str = "") -> Call | None:
        """Return a notification, signed with the newest secret."""
        del tenant
        keys = _keys(connection)
        if not keys or not keys[0]:
            return None
        hook = {
            "metadata": {"uuid": f"sample-{now.timestamp():.6f}", "time": now.isoformat()},
            "user": {"id": SAMPLE_USER.id, "email": SAMPLE_USER.email},
            "email_data": {"email_action_type": "password_changed_notification"},
        }
        return _signed(dumps(hook, separators=(",", ":")).encode(), keys[0], now)


def _unsent() -> Reply:
    text = "only notices that a password or an address was changed are sent here: have other mails"
    return Reply(422, {"message": f"{text} sent before, or set the connection's others=ignore"})


def _signed(body: bytes, key: bytes, now: datetime) -> Call:
    signed_at, message_id = str(int(now.timestamp())), f"msg_{now.timestamp():.6f}"
    signature = hmac.digest(key, f"{message_id}.{signed_at}.".encode() + body, "sha256")
    headers = {
        "content-type": JSON,
        "webhook-id": message_id,
        "webhook-timestamp": signed_at,
        "webhook-signature": f"{_PREFIX}{b64encode(signature).decode()}",
    }
    return Call(body, headers)


def _secrets(connection: Connection) -> list[str]:
    """Return the secrets, each as Standard Webhooks has it: Supabase joins several with a bar."""
    joined = (each for secret in connection.secrets for each in secret.split("|"))
    return [each.strip().removeprefix(_PREFIX) for each in joined]


def _keys(connection: Connection) -> list[bytes]:
    return [standard_webhooks.secret_key(secret) or b"" for secret in _secrets(connection)]


def _occurrence(hook: Mapping[str, Any], event_type: str) -> Occurrence:
    metadata, user = hook.get("metadata"), hook.get("user")
    told_at = text(metadata, "time") or text(user, "updated_at")
    return Occurrence(
        # Not webhook-id, which is new with every try.
        native_id=text(metadata, "uuid") or f"{text(user, 'id')}/{event_type}/{told_at}",
        user=User(
            id=text(user, "id") or None,
            email=text(user, "email") or None,
            display_name=_name(user),
            locale=text(user, "user_metadata", "locale") or None,
            email_verified=True if text(user, "email_confirmed_at") else None,
            previous_email=_previous(hook, event_type),
        ),
        occurred_at=instant(told_at),
        type=event_type,
        context=Context(ip=text(metadata, "ip_address") or None),
    )


def _name(user: object) -> str | None:
    return text(user, "user_metadata", "full_name") or text(user, "user_metadata", "name") or None


def _previous(hook: Mapping[str, Any], event_type: str) -> str | None:
    is_known = event_type == EMAIL_CHANGED
    return text(hook, "email_data", "old_email") or None if is_known else None


SOURCE: Final = Supabase()
