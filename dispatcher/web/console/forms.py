"""Forms: that they come from our own pages, and what they say."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from itsdangerous import Signer
from starlette.requests import Request

from dispatcher.errors import PermissionDenied, RejectedInput
from dispatcher.web.console.visits import Visitor

FIELD: Final = "csrf"
_MOST_FIELDS: Final = 20


def mark(visitor: Visitor, purpose: str) -> str:
    """Return what a form of this session carries; for another purpose it is worth nothing."""
    return Signer(visitor.key, salt=purpose).get_signature(purpose).decode()


async def sent(request: Request, visitor: Visitor, purpose: str) -> Mapping[str, str]:
    """Return what a form says.

    Raises:
        PermissionDenied: It does not come from a page that this session was shown.
        RejectedInput: It is no form.
    """
    expect_own_page(request)
    fields = await fields_of(request)
    signer = Signer(visitor.key, salt=purpose)
    if not signer.verify_signature(purpose, fields.get(FIELD, "")):
        raise _foreign()
    return fields


def expect_own_page(request: Request) -> None:
    """Check that a page of ours sends a form, as far as browsers tell.

    Over TLS and on loopback they say it in so many words (Fetch Metadata); else by the origin.

    Raises:
        PermissionDenied: Another site's page sends it, or nothing tells.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site != "same-origin":
            raise _foreign()
        return
    origin = request.headers.get("origin", "")
    if not origin or urlsplit(origin).netloc != request.headers.get("host"):
        raise _foreign()


async def fields_of(request: Request) -> Mapping[str, str]:
    """Return a form's fields.

    Raises:
        RejectedInput: It is no form.
    """
    try:
        body = (await request.body()).decode()
        return dict(parse_qsl(body, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        raise RejectedInput("expected a form's fields", id="FORM-invalid") from None


def _foreign() -> PermissionDenied:
    return PermissionDenied(
        "this form does not come from a page of this session: go back, reload, try again",
        id="FORM-foreign",
    )
