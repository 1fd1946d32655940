"""A relay's address and terms, as ``DISPATCHER_SMTP_URL`` gives them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address
from math import inf
from typing import Final, TypeVar
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from dispatcher.errors import ConfigError


class Security(StrEnum):
    """How the way to a relay is protected."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class Auth(StrEnum):
    """How to prove who we are; AUTO takes the best mechanism that the relay offers."""

    AUTO = "auto"
    PLAIN = "plain"
    LOGIN = "login"
    CRAM_MD5 = "cram-md5"
    XOAUTH2 = "xoauth2"


_Number = TypeVar("_Number", int, float)

_PORTS: Final = {Security.STARTTLS: 587, Security.TLS: 465, Security.NONE: 25}
_OPTIONS: Final = (
    "auth", "ca", "cert", "connections", "ehlo", "key", "messages", "rate", "tls", "verify",
)  # fmt: skip
_EXAMPLE: Final = "smtp://user:password@host:587 or smtps://user:password@host:465"


@dataclass(frozen=True, slots=True)
class RelayAddress:
    """Where a relay is and how to talk to it.

    Args:
        host: Its name, or an IP address.
        port: Its port.
        security: STARTTLS and TLS are required, never merely tried.
        username: Who we are; "" is nobody.
        password: The password, or the access token when *auth* is XOAUTH2.
        auth: How to prove it.
        ca: A file of certificate authorities to trust instead of the system's.
        cert: A file with our own certificate, for relays that ask for one.
        key: A file with its key; "" when it is in *cert*.
        verify: Whether the relay's certificate is checked; False only on loopback.
        ehlo: The name we give; "" is our address literal (RFC 5321 section 4.1.4).
        rate: Most messages per second and process; 0 is no limit.
        connections: Most connections per process; 0 is what the settings say.
        messages: Most messages over one connection; 0 is no limit.
        account: Tells apart, in its name, those who use one relay with credentials of their own.
        elsewhere: Whether a connection that turns out to end on this machine is refused.
    """

    host: str
    port: int
    security: Security = Security.STARTTLS
    username: str = ""
    password: str = field(default="", repr=False)
    auth: Auth = Auth.AUTO
    ca: str = ""
    cert: str = ""
    key: str = ""
    verify: bool = True
    ehlo: str = ""
    rate: float = 0.0
    connections: int = 0
    messages: int = 0
    account: str = ""
    elsewhere: bool = False

    @property
    def name(self) -> str:
        """Return what logs and metrics call it: ``host:port``, or ``host:port#account``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        account = f"#{self.account}" if self.account else ""
        return f"{host}:{self.port}{account}"


def parse_relays(urls: str) -> tuple[RelayAddress, ...]:
    """Return the relays of a comma-separated list, in order of preference.

    Raises:
        ConfigError: Names every relay that is wrong, and what to write instead.
    """
    relays, mistakes = [], []
    for url in filter(None, (part.strip() for part in urls.split(","))):
        try:
            relays.append(parse_relay(url))
        except ConfigError as error:
            mistakes.append(str(error))
    if mistakes:
        raise ConfigError("; ".join(mistakes))
    if not relays:
        raise ConfigError(f"no relay given: write {_EXAMPLE}")
    return tuple(relays)


def parse_relay(url: str) -> RelayAddress:
    """Return the relay that a URL names.

    Raises:
        ConfigError: It cannot be used; says what to write instead, never the password.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise ConfigError(f"a relay's URL is not one: write {_EXAMPLE}") from error
    where = host or "a relay"
    if parts.scheme not in {"smtp", "smtps"} or not host:
        raise ConfigError(f"{where}: write {_EXAMPLE}")
    if parts.path not in {"", "/"} or parts.fragment:
        raise ConfigError(
            f"{where}: nothing may follow the port but ?options; "
            "in a password write / as %2F, # as %23, ? as %3F, @ as %40 and , as %2C"
        )
    options = _options(parts, where)
    security = _security(parts.scheme, options.get("tls"), where)
    relay = RelayAddress(
        host=host,
        port=_PORTS[security] if port is None else port,
        security=security,
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        auth=_auth(options.get("auth", Auth.AUTO), where),
        ca=options.get("ca", ""),
        cert=options.get("cert", ""),
        key=options.get("key", ""),
        verify=_verify(options.get("verify", "yes"), where),
        ehlo=options.get("ehlo", ""),
        rate=_number(options, "rate", float, where),
        connections=_number(options, "connections", int, where),
        messages=_number(options, "messages", int, where),
    )
    _check(relay)
    return relay


def _options(parts: SplitResult, where: str) -> dict[str, str]:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := sorted(set(options) - set(_OPTIONS)):
        raise ConfigError(
            f"{where}: unknown option {', '.join(unknown)}; there are {', '.join(_OPTIONS)}"
        )
    return options


def _security(scheme: str, tls: str | None, where: str) -> Security:
    if scheme == "smtps":
        if tls is not None:
            raise ConfigError(f"{where}: smtps:// is TLS from the start; leave out ?tls=")
        return Security.TLS
    if tls in {None, "starttls"}:
        return Security.STARTTLS
    if tls == "none":
        return Security.NONE
    raise ConfigError(
        f"{where}: write ?tls=starttls or ?tls=none, or smtps:// for TLS from the start"
    )


def _auth(auth: str, where: str) -> Auth:
    try:
        return Auth(auth)
    except ValueError as error:
        raise ConfigError(f"{where}: write ?auth= one of {', '.join(Auth)}") from error


def _verify(verify: str, where: str) -> bool:
    if verify not in {"yes", "no"}:
        raise ConfigError(f"{where}: write ?verify=yes or ?verify=no")
    return verify == "yes"


def _number(
    options: dict[str, str], name: str, kind: Callable[[str], _Number], where: str
) -> _Number:
    written = options.get(name)
    if written is None:
        return kind("0")
    try:
        number = kind(written)
    except ValueError:
        number = kind("0")
    if not 0 < number < inf:
        example = {"rate": "50 (messages per second) or rate=0.5"}.get(name, "8 (a whole number)")
        raise ConfigError(f"{where}: write ?{name}= as a number above 0, such as {name}={example}")
    return number


def _check(relay: RelayAddress) -> None:
    if relay.port == 0:
        raise ConfigError(f"{relay.host}: 0 is no port; write {_EXAMPLE}")
    if not relay.username and (relay.password or relay.auth is not Auth.AUTO):
        raise ConfigError(f"{relay.name}: a password or ?auth= needs a user; write {_EXAMPLE}")
    if not relay.ehlo.isascii() or any(not c.isprintable() or c.isspace() for c in relay.ehlo):
        raise ConfigError(f"{relay.name}: write ?ehlo= as a plain host name")
    if relay.key and not relay.cert:
        raise ConfigError(f"{relay.name}: ?key= needs ?cert=, the certificate it belongs to")
    if _is_loopback(relay.host):
        return
    if relay.security is Security.NONE and relay.username:
        raise ConfigError(
            f"{relay.name}: credentials would travel in clear text; leave out ?tls=none "
            "(STARTTLS), write smtps:// (TLS), or leave out user and password"
        )
    if not relay.verify:
        raise ConfigError(
            f"{relay.name}: ?verify=no is for loopback only; write ?ca=/path/to/authority.pem"
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
