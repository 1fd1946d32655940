"""The kinds of directory there are, and what each must be told."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from dispatcher.adapters.directory.entry import Kind
from dispatcher.adapters.directory.keycloak import Keycloak
from dispatcher.adapters.directory.okta import Okta
from dispatcher.adapters.directory.scim import Scim
from dispatcher.adapters.directory.zitadel import Zitadel
from dispatcher.connection import DirectoryAccess
from dispatcher.web_address import is_safe

KINDS: Final[Mapping[str, type[Kind]]] = {
    each.kind: each for each in (Zitadel, Keycloak, Okta, Scim)
}

OPTIONS: Final[Mapping[str, str]] = {
    "cache": "seconds for which what it said of a user counts, 0-300; 30 by default",
    "unverified": "send, or skip where only an address that is not verified is known",
}
"""The options that every kind has."""

_SEND, _SKIP = "send", "skip"
_USUAL_CACHE: Final = "30"
_LONGEST_CACHE: Final = 300


def cache_age(access: DirectoryAccess) -> float:
    """Return for how many seconds what it said of a user counts."""
    return float(access.options.get("cache", _USUAL_CACHE))


def takes_unverified(access: DirectoryAccess) -> bool:
    """Tell whether mail goes to an address that it knows to be unverified."""
    said = access.options.get("unverified")
    return KINDS[access.kind].takes_unverified if said is None else said == _SEND


def mistakes(access: DirectoryAccess) -> Sequence[str]:
    """Return what is wrong with how a directory is to be asked."""
    kind = KINDS.get(access.kind)
    if kind is None:
        return (f"the directory's kind: expected one of {', '.join(KINDS)}",)
    found = [*_place(access), *_options(access, kind), *kind.mistakes(access)]
    return [f"the directory: {each}" for each in found]


def _place(access: DirectoryAccess) -> Iterator[str]:
    if not is_safe(access.url):
        yield "the URL: expected https; http for this very machine only"
    elif _has_more(access.url):
        yield "the URL: expected no user, no query and no fragment in it"
    if not (access.secret.isascii() and access.secret.isprintable() and access.secret.strip()):
        yield "a secret is required, of printable ASCII: it opens the directory"


def _has_more(url: str) -> bool:
    parts = urlsplit(url)
    return bool(parts.username is not None or parts.query or parts.fragment)


def _options(access: DirectoryAccess, kind: type[Kind]) -> Iterator[str]:
    known = {**OPTIONS, **kind.options}
    for name in sorted(access.options.keys() - known.keys()):
        yield f"option {name!r}: expected one of {', '.join(sorted(known))}"
    cache = access.options.get("cache", _USUAL_CACHE)
    if not (cache.isascii() and cache.isdigit() and int(cache[:9]) <= _LONGEST_CACHE):
        yield f"the option cache: expected seconds, 0-{_LONGEST_CACHE}"
    if access.options.get("unverified", _SEND) not in {_SEND, _SKIP}:
        yield f"the option unverified: expected {_SEND} or {_SKIP}"
