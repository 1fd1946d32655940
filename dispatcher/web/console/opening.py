"""Opening the console: its parts put together from what an operator sets."""

from starlette.types import ASGIApp

from dispatcher.adapters.store.valkey_sessions import ValkeySessions
from dispatcher.adapters.store.valkey_workforce import ValkeyWorkforce
from dispatcher.bootstrap_web import WebServices
from dispatcher.errors import ConfigError
from dispatcher.settings import Settings
from dispatcher.web.app import Desks
from dispatcher.web.console.app import console_app
from dispatcher.web.console.desk import Console
from dispatcher.web.console.sign_in import SingleSignOn
from dispatcher.web.console.views import Views
from dispatcher.web.console.visits import Doorkeeper
from dispatcher.web.letter_routes import LetterDesk


def open_console(settings: Settings, services: WebServices, desks: Desks) -> ASGIApp | None:
    """Return the console; None where it is turned off.

    Raises:
        ConfigError: The settings of signing in cannot work.
    """
    if not settings.console:
        return None
    client, prefix, clock = services.client, settings.store_prefix, services.clock
    sso = _single_sign_on(settings)
    console = Console(
        doorkeeper=Doorkeeper(desks.gate, services.tokens, clock, sso),
        desks=desks,
        log=services.ledger,
        letters=LetterDesk(services.ledger, services.ledger, desks.gate, clock),
        workforce=ValkeyWorkforce(client, prefix=prefix),
        connections=services.connections.store,
        clock=clock,
        views=Views(clock),
    )
    return console_app(console, ValkeySessions(client, prefix=prefix), sso)


def _single_sign_on(settings: Settings) -> SingleSignOn | None:
    if not settings.oidc_client_id:
        return None
    if not settings.oidc_issuer:
        raise ConfigError("DISPATCHER_OIDC_CLIENT_ID: needs DISPATCHER_OIDC_ISSUER to sign in at")
    from dispatcher.web.console.oidc import OidcSignIn  # noqa: PLC0415 - 10 MB that few need

    secret = settings.oidc_client_secret
    return OidcSignIn(
        settings.oidc_issuer,
        settings.oidc_client_id,
        secret.get_secret_value() if secret else "",
        settings.oidc_scopes,
    )
