"""Pages: templates, what every page shows, and what browsers may do with it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from dispatcher.access import Permission
from dispatcher.ports import Clock
from dispatcher.stories.story import because
from dispatcher.stories.times import clock_time, relative, span
from dispatcher.web.console import forms
from dispatcher.web.console.visits import Visitor

HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    # Not "no-referrer": with that, browsers do not tell a form's origin either.
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cross-origin-opener-policy": "same-origin",
}
_KINDS: Final[Mapping[str, str]] = {
    "console.css": "text/css; charset=utf-8",
    "console.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
_SECTIONS: Final[Mapping[str, str]] = {
    "delivery": "deliveries",
    "resend": "dead-letters",
    "drop": "dead-letters",
    "policy": "policies",
    "default-policy": "policies",
}
"""Pages below a place of the navigation."""

_FOREVER: Final = "public, max-age=31536000, immutable"
_GROUPED_FROM: Final = 10_000


@dataclass(frozen=True, slots=True)
class Place:
    """A page that the navigation leads to."""

    path: str
    name: str
    permission: Permission
    of_instance: bool = False

    def is_open_to(self, visitor: Visitor) -> bool:
        """Tell whether a visitor may see it."""
        permits = visitor.may_everywhere if self.of_instance else visitor.may
        return permits(self.permission)


PLACES: Final[Sequence[Place]] = (
    Place("/console/", "Overview", Permission.DELIVERY_READ),
    Place("/console/deliveries", "Deliveries", Permission.DELIVERY_READ),
    Place("/console/dead-letters", "Dead letters", Permission.DELIVERY_READ),
    Place("/console/policies", "Policies", Permission.POLICY_READ),
    Place("/console/workers", "Workers", Permission.DELIVERY_READ, of_instance=True),
    Place("/console/connections", "Connections", Permission.DELIVERY_READ, of_instance=True),
)


class Views:
    """Makes pages.

    Args:
        clock: Tells what "ago" counts from.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._templates = Environment(
            loader=PackageLoader(__package__, "templates"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=StrictUndefined,
        )
        self._templates.filters |= {
            "at": clock_time,
            "ago": lambda time: relative(time, clock.now()),
            "because": because,
            "code": with_code,
            "grouped": grouped,
            "iso": datetime.isoformat,
            "pretty": lambda value: json.dumps(value, indent=2, ensure_ascii=False),
            "span": span,
        }
        self._templates.globals |= {"asset": _address, "link": link, "FIELD": forms.FIELD}

    def page(
        self,
        request: Request,
        name: str,
        visitor: Visitor | None = None,
        *,
        status: int = 200,
        **words: Any,  # noqa: ANN401 - whatever the template shows
    ) -> Response:
        """Return a page, or a part of one."""
        text = self._templates.get_template(f"{name}.html").render(
            visitor=visitor,
            status=status,
            places=[place for place in PLACES if visitor and place.is_open_to(visitor)],
            here=_place_of(request.scope["path"]),
            may=visitor.may if visitor else None,
            mark=lambda purpose: forms.mark(visitor, purpose) if visitor else "",
            now=self._clock.now(),
            Permission=Permission,
            **words,
        )
        return HTMLResponse(text, status, headers=dict(HEADERS))


def _place_of(path: str) -> str:
    """Return the place in the navigation that a page belongs to."""
    section = path.split("/")[2]
    return f"/console/{_SECTIONS.get(section, section)}"


def link(*path: str, **query: str) -> str:
    """Return an address within the console; whatever an id holds, it stays one part of it."""
    address = "/console/" + "/".join(quote(part, safe="") for part in path)
    asked = {name: value for name, value in query.items() if value}
    return f"{address}?{urlencode(asked)}" if asked else address


def grouped(number: float) -> str:
    """Return a number as people read it: ``9999``, then ``10 000`` with narrow spaces."""
    whole = round(number)
    return (
        f"{whole:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
        if whole >= _GROUPED_FROM
        else str(whole)
    )


def with_code(text: str) -> Markup:
    """Return a sentence with what stands between backticks as code."""
    parts = (escape(part) for part in text.split("`"))
    marked = (
        Markup("<code>{}</code>").format(part) if at % 2 else part for at, part in enumerate(parts)
    )
    return Markup().join(marked)


async def asset(request: Request) -> Response:
    """Answer with a stylesheet, script or picture; its address changes with its content."""
    name = request.path_params["name"]
    if name not in _KINDS:
        return Response(status_code=404)
    headers = {"content-type": _KINDS[name], "cache-control": _FOREVER}
    return Response(_content(name), headers=headers)


def _address(name: str) -> str:
    return f"/console/static/{name}?v={sha256(_content(name)).hexdigest()[:12]}"


@cache
def _content(name: str) -> bytes:
    return (files(__package__) / "static" / name).read_bytes()
