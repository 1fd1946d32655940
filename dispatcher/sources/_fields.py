"""The fields an event is made of, as pydantic checks them, and the words for what was wrong."""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

from email_validator import EmailNotValidError, validate_email
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    ValidationError,
)

_MOST_REASONS: Final = 5
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_PLAIN_ADDRESS: Final = re.compile(
    # The common case of RFC 5321 section 4.1.2: a dot-string of ASCII at a DNS name, also a
    # local one: relays of a closed network know names that the world does not.
    r"(?=.{1,64}@)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?=.{1,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z]{2,63}"
)


class Part(BaseModel):
    """An object within an event: unknown fields are ignored, null means absent."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True, frozen=True)


def without_nulls(value: object) -> object:
    """Return an object without the fields that are null, and anything else as it is."""
    if isinstance(value, Mapping):
        return {name: item for name, item in value.items() if item is not None}
    return value


def _matching(pattern: str, expected: str) -> AfterValidator:
    matches = re.compile(pattern).fullmatch

    def check(value: str) -> str:
        if matches(value):
            return value
        raise ValueError(f"expected {expected}")

    return AfterValidator(check)


def _one_address(value: str) -> str:
    if _PLAIN_ADDRESS.fullmatch(value):
        return value
    try:
        checked = validate_email(value, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        raise ValueError("expected one mail address, such as ada@example.org") from None
    return checked.normalized


def _one_line(longest: int) -> Callable[[str], str]:
    def shorten(value: str) -> str:
        return _CONTROL.sub(" ", value[:longest])

    return shorten


def _rfc_3339(value: object) -> object:
    if isinstance(value, str) and _RFC_3339.fullmatch(value):
        return value
    raise ValueError('expected an RFC 3339 time with its zone, such as "2026-11-24T09:30:00Z"')


_Strict = StringConstraints(strict=True)

EventId = Annotated[
    str, _Strict, _matching(r"[A-Za-z0-9._:/+=@-]{1,128}", "1-128 characters of A-Za-z0-9._:/+=@-")
]
OrgId = Annotated[
    str, _Strict, _matching(r"[A-Za-z0-9._-]{1,64}", "1-64 characters of A-Za-z0-9._-")
]
Identifier = Annotated[
    str, StringConstraints(strict=True, min_length=1), AfterValidator(_one_line(200))
]
Address = Annotated[str, _Strict, AfterValidator(_one_address)]
Text = Annotated[str, _Strict, AfterValidator(_one_line(500))]
Locale = Annotated[str, _Strict, AfterValidator(_one_line(64))]
Time = Annotated[AwareDatetime, BeforeValidator(_rfc_3339)]

_EXPECTED: Final = {
    "missing": "is required",
    "string_type": "expected a string",
    "string_too_short": "expected at least one character",
    "string_unicode": "expected valid Unicode",
    "bool_type": "expected true or false",
    "model_type": "expected an object",
    "model_attributes_type": "expected an object",
}


def reasons(error: ValidationError) -> str:
    """Return what was expected of each field that is wrong; nothing of what was there."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    each = [f"{'.'.join(map(str, item['loc'])) or 'event'}: {_expected(item)}" for item in found]
    more = len(each) - _MOST_REASONS
    return "; ".join(each[:_MOST_REASONS]) + (f"; and {more} more" if more > 0 else "")


def _expected(item: Mapping[str, Any]) -> str:
    fallback = str(item["msg"]).removeprefix("Value error, ").replace("Input should be", "expected")
    return _EXPECTED.get(item["type"], fallback)
