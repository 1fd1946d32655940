"""What it takes to make and send mail, from the settings: checked before anything is opened."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self, TypeVar

from pydantic import SecretStr

from dispatcher.adapters.mail.addresses import parse_mailbox
from dispatcher.adapters.mail.catalogues import find_catalogues
from dispatcher.adapters.mail.dressing import kinds
from dispatcher.adapters.mail.relay_address import RelayAddress, parse_relays
from dispatcher.adapters.mail.relays import RelayChange
from dispatcher.adapters.mail.renderer import Contact, MailRenderer
from dispatcher.adapters.mail.routes import RouteLimits, Routes
from dispatcher.adapters.mail.smtp_limits import PoolLimits
from dispatcher.adapters.mail.templates import default_folder
from dispatcher.adapters.mail.verp import BounceAddress
from dispatcher.errors import ConfigError
from dispatcher.look import LookStore
from dispatcher.looks import Looks
from dispatcher.ports import Clock
from dispatcher.settings import Settings
from dispatcher.triggers import discover

_T = TypeVar("_T")

_SHARE: Final = 4
"""One organization's relay may hold up one worker's events in flight to this part."""

_EXAMPLES: Final = {
    "SMTP_URL": "smtp://user:password@relay:587",
    "MAIL_FROM": "Acme <no-reply@acme.example>",
}


@dataclass(frozen=True, slots=True)
class Post:
    """Makes renderers and transports; the installation's secret is known only later.

    Args:
        settings: The settings, which are enough to send.
        addresses: The instance's relays.
        sender: Its sender.
    """

    settings: Settings
    addresses: tuple[RelayAddress, ...]
    sender: str

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return what the settings say.

        Raises:
            ConfigError: They cannot work; the text names every mistake.
        """
        sender = settings.mail_from
        mistakes: list[str] = []
        addresses = _checked("SMTP_URL", _shown(settings.smtp_url), parse_relays, mistakes)
        _checked("MAIL_FROM", sender, parse_mailbox, mistakes)
        if settings.bounce_address:
            _checked("BOUNCE_ADDRESS", settings.bounce_address, BounceAddress.parse, mistakes)
        _checked("CONTACT", settings.contact, Contact.parse, mistakes)
        if settings.dkim_keys:
            from dispatcher.adapters.mail.dkim_keys import DkimKeys  # noqa: PLC0415 - 8 MB

            _checked("DKIM_KEYS", settings.dkim_keys, DkimKeys.read, mistakes)
        if mistakes or addresses is None or sender is None:
            raise ConfigError("\n".join(mistakes))
        return cls(settings, addresses, sender)

    def routes(self, on_change: Callable[[RelayChange], None]) -> Routes:
        """Return the transport.

        Args:
            on_change: Is told when a relay goes away, and when it is back.
        """
        places = max(self.settings.concurrency // _SHARE, 1)
        return Routes(
            self.addresses,
            limits=PoolLimits(connections=self.settings.smtp_connections),
            routes=RouteLimits(places=places, local=self.settings.sender_local_relays),
            on_change=on_change,
        )

    def renderer(self, secret: bytes, clock: Clock) -> MailRenderer:
        """Return the renderer.

        Raises:
            ConfigError: The templates cannot be used.
        """
        folder = self.settings.templates_dir
        return MailRenderer.load(
            sender=self.sender,
            secret=secret,
            clock=clock,
            contact=self.settings.contact,
            default_locale=self.settings.default_locale,
            folders=[folder] if folder else [],
            bounce_address=self.settings.bounce_address,
            dkim_keys=self.settings.dkim_keys,
        )


def looks_of(settings: Settings, store: LookStore) -> Looks:
    """Return the service of organizations' looks: they may speak of what mails can show.

    Raises:
        ConfigError: The operator's catalogues cannot be used.
    """
    folders = [settings.templates_dir] if settings.templates_dir else []
    languages = find_catalogues([*folders, default_folder()])
    return Looks(store, kinds(discover()), frozenset(languages))


def _checked(
    name: str, text: str | None, parse: Callable[[str], _T], mistakes: list[str]
) -> _T | None:
    if text is None:
        mistakes.append(f"DISPATCHER_{name}: is required, such as {_EXAMPLES[name]}")
        return None
    try:
        return parse(text)
    except ConfigError as error:
        mistakes.append(f"DISPATCHER_{name}: {error}")
        return None


def _shown(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None
