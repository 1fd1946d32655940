"""Callers that sign what they send, as Standard Webhooks has it."""

from collections.abc import Mapping
from typing import Final, Self

from standardwebhooks import Webhook, WebhookVerificationError

from dispatcher.access import Caller, Role
from dispatcher.errors import ConfigError, Unauthenticated

EVERYWHERE: Final = "*"
"""Whose secret may speak for every organization."""

_PREFIX: Final = "whsec_"
_SHORTEST: Final = 24  # bytes; the specification's lower bound
_HEADERS: Final = ("webhook-id", "webhook-timestamp", "webhook-signature")


class Signatures:
    """Knows callers by their signatures.

    Args:
        secrets: Organization → its secrets, of which several count while one is replaced.
    """

    def __init__(self, secrets: Mapping[str, tuple[Webhook, ...]]) -> None:
        self._secrets = secrets

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the signatures that ``acme=whsec_…,*=whsec_…`` describes.

        Raises:
            ConfigError: It is of another form, or a secret is too short.
        """
        secrets: dict[str, tuple[Webhook, ...]] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            owner, _, secret = part.partition("=")
            secrets[owner] = (*secrets.get(owner, ()), _webhook(owner, secret))
        return cls(secrets)

    @staticmethod
    def is_signed(headers: Mapping[str, str]) -> bool:
        """Tell whether a request brings a signature; *headers* finds names in lower case."""
        return _HEADERS[-1] in headers

    def caller(self, headers: Mapping[str, str], body: bytes) -> Caller:
        """Return who signed the request.

        The time it was signed may be five minutes off; the same event again is a duplicate.

        Raises:
            Unauthenticated: Nobody we know, or too long ago.
        """
        named = {name: headers.get(name, "") for name in _HEADERS}
        # Every secret is tried, so that the time it takes tells nothing about whose it was.
        signers = [
            owner
            for owner, webhooks in self._secrets.items()
            if True in [_verifies(webhook, named, body) for webhook in webhooks]
        ]
        if not signers:
            raise Unauthenticated("the signature is none that we know")
        owner = signers[0]
        if owner == EVERYWHERE:
            return Caller("webhook:*", "", frozenset({Role.IAM_EVENT_PUBLISHER}))
        return Caller(f"webhook:{owner}", owner, frozenset({Role.ORG_EVENT_PUBLISHER}))


def _webhook(owner: str, secret: str) -> Webhook:
    expected = f"expected ORG={_PREFIX}… or *={_PREFIX}…, base64 of at least {_SHORTEST} bytes"
    if not owner or not secret.startswith(_PREFIX):
        raise ConfigError(expected)
    try:
        webhook = Webhook(secret)
        is_long_enough = len(webhook._whsecret) >= _SHORTEST  # noqa: SLF001 - it does not check itself
    except (ValueError, RuntimeError) as error:
        raise ConfigError(expected) from error
    if not is_long_enough:
        raise ConfigError(expected)
    return webhook


def _verifies(webhook: Webhook, headers: dict[str, str], body: bytes) -> bool:
    try:
        webhook.verify(body, headers, json_parse=False)
    except (WebhookVerificationError, ValueError, OverflowError):  # it raises these for garbage
        return False
    return True
