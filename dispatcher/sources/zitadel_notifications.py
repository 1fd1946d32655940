"""ZITADEL: the mails that it has its HTTP provider send, in place of a mail server.

Source: the guide "SMS, SMTP and HTTP Provider for Notifications" at zitadel.com/docs, and what
ZITADEL's repository says of the bodies (internal/notification/types).
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, ClassVar, Final

from dispatcher.connection import Connection
from dispatcher.events import User
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
from dispatcher.sources.zitadel import PASSWORD_CHANGED
from dispatcher.sources.zitadel_signature import require_signature, sign

_OTHERS: Final = "others"
_REFUSE: Final = "refuse"
_IGNORE: Final = "ignore"
_UNSENT: Final = 422


class ZitadelNotifications(Source):
    """ZITADEL's HTTP notification provider: it asks after its own policy has permitted the mail.

    Its other mails, with codes and links to sign in, come here, too; nobody sends those.
    """

    kind = "zitadel-notifications"
    title = "ZITADEL: HTTP provider for its password-changed mail"
    options: ClassVar[Mapping[str, str]] = {
        _OTHERS: "its other mails, which nobody will get: refuse (the default, an error at "
        "ZITADEL) or ignore"
    }

    def new_secret(self, connection: Connection, octets: bytes) -> str | None:
        """Return None: ZITADEL makes the signing key."""
        del connection, octets
        return None

    def mistakes(self, connection: Connection) -> Sequence[str]:
        """Return what is wrong with its secrets and options."""
        usual = super().mistakes(connection)
        is_known = connection.options.get(_OTHERS, _REFUSE) in {_REFUSE, _IGNORE}
        return usual if is_known else (*usual, f"others must be {_REFUSE} or {_IGNORE}")

    async def verify(
        self, call: Call, connection: Connection, keys: KeySet, now: datetime
    ) -> bytes:
        """Return the body, which one of the signing keys signed within the last five minutes."""
        del keys
        require_signature(call, connection.secrets, now)
        return call.body

    def parse(self, content: bytes, call: Call, connection: Connection) -> Reading:
        """Return the password change that it tells of; codes, links and texts are not kept."""
        del call
        message = decode_object(content)
        kind = text(message, "contextInfo", "eventType")
        if kind == PASSWORD_CHANGED:
            return Reading([_occurrence(message, connection)])
        refuses = connection.options.get(_OTHERS, _REFUSE) == _REFUSE
        return Reading(ignored=1, reply=_unsent() if refuses else None)

    def sample(self, connection: Connection, now: datetime, tenant: str = "") -> Call | None:
        """Return a message, signed with the newest signing key."""
        if not connection.secrets:
            return None
        args = {
            "verifiedEmail": SAMPLE_USER.email,
            "lastEmail": SAMPLE_USER.email,
            "changeDate": now.isoformat(),
        } | ({"orgID": tenant} if tenant else {})
        about = {"eventType": PASSWORD_CHANGED, "recipientEmailAddress": SAMPLE_USER.email}
        message = {"contextInfo": about, "templateData": {}, "args": args}
        body = json.dumps(message, separators=(",", ":")).encode()
        signature = sign(body, connection.secrets[0], now)
        return Call(body, {"content-type": JSON, "zitadel-signature": signature})


def _unsent() -> Reply:
    text = "only the mail that a password was changed is sent here: give other mails to another"
    return Reply(_UNSENT, {"message": f"{text} provider, or set the connection's others=ignore"})


def _occurrence(message: Mapping[str, Any], connection: Connection) -> Occurrence:
    changed_at = text(message, "args", "changeDate")
    recipient = text(message, "contextInfo", "recipientEmailAddress")
    about = f"{recipient}\n{PASSWORD_CHANGED}\n{changed_at}"
    return Occurrence(
        native_id=sha256(about.encode()).hexdigest(),  # it has no id, nor has the event
        user=_user(message, recipient),
        occurred_at=instant(changed_at),
        tenant=_tenant(message, connection),
    )


def _tenant(message: Mapping[str, Any], connection: Connection) -> str:
    """Return the organization's id, which newer versions tell.

    A connection that has one organization for all does not ask: an update of ZITADEL that
    brings the id must not turn its events away.
    """
    speaks_for_one = not (connection.organizations or connection.tenants)
    return "" if speaks_for_one else text(message, "args", "orgID")


def _user(message: Mapping[str, Any], recipient: str) -> User:
    """Return whom to tell: also at the last verified address, where that is another one.

    ZITADEL itself tells only the last one set, which whoever took the account over may have.
    """
    verified = text(message, "args", "verifiedEmail")
    return User(
        id=text(message, "args", "userID") or None,
        email=recipient or verified or None,
        email_verified=recipient == verified if recipient else None,
        previous_email=verified if verified and recipient else None,
        display_name=text(message, "args", "displayName") or None,
        login_name=text(message, "args", "preferredLoginName") or None,
    )


SOURCE: Final = ZitadelNotifications()
