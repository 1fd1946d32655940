"""Looks as JSON: the form in which the update tasks take and tell them, and a store keeps them."""

from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping
from typing import Any, Final

from dispatcher.branding import DETAILS, Branding, BrandingChange
from dispatcher.errors import InvalidLook
from dispatcher.look import Look
from dispatcher.looks import TextChanges
from dispatcher.policy_wire import timestamp
from dispatcher.texts import LARGEST

USUAL_KIND: Final = "password_change"
"""The kind of mail that a body of texts is about unless it says otherwise."""

_STRINGS: Final = ("name", "language", "primary", "background", "font", "footer")
_SPELT: Final = {
    "primary": "primaryColor",
    "background": "backgroundColor",
    "font": "fontColor",
    "pre_header": "preHeader",
    "button_text": "buttonText",
    "footer_text": "footerText",
}
_BRANDING: Final = (
    'expected a JSON object such as {"name": "Acme", "logo": "<base64 of a PNG>", '
    '"primaryColor": "#0b5cad", "footer": "Acme Ltd., London", "details": {"ip": false}}'
)
_TEXTS: Final = (
    'expected a JSON object such as {"language": "en", "subject": "Your Acme password", '
    '"greeting": "Dear {{ name }},", "text": "It was changed on {{ occurred_at }}."}'
)


def parse_branding(body: object) -> BrandingChange:
    """Return what an update body changes: what it does not name stays, null and "" reset it.

    Names may be spelt in snake case, too. Other fields are ignored; a body that changes
    nothing is refused, because a slip of the pen must not look like success.

    Args:
        body: Decoded JSON.

    Raises:
        InvalidLook: The body is not of that form; the text says what was expected.
    """
    given = _mapping(body, _BRANDING)
    found: dict[str, Any] = {}
    for name in _STRINGS:
        for value in _named(given, name):
            found[name] = _string(name, value)
    for value in _named(given, "logo"):
        found["logo"] = _octets(_string("logo", value))
    details = _mapping(given.get("details") or {}, _BRANDING)
    for name in DETAILS:
        if name in details:
            if not isinstance(details[name], bool):
                raise InvalidLook(f"details, {name}: expected true or false")
            found[name] = details[name]
    if not found:
        raise InvalidLook(f"the body changes nothing: {_BRANDING}")
    return BrandingChange(**found)


def parse_texts(body: object) -> TextChanges:
    """Return which texts an update body changes, as :func:`parse_branding` does.

    Args:
        body: Decoded JSON, with the ``language`` and, unless it is ``password_change``, the
            ``kind`` of mail beside the texts.

    Raises:
        InvalidLook: The body is not of that form; the text says what was expected.
    """
    given = _mapping(body, _TEXTS)
    language, kind = given.get("language"), given.get("kind") or USUAL_KIND
    if not isinstance(language, str) or not isinstance(kind, str):
        raise InvalidLook(_TEXTS)
    change = {name: _string(name, value) for name in LARGEST for value in _named(given, name)}
    if not change:
        raise InvalidLook(f"the body changes nothing: {_TEXTS}")
    return {(kind, language): change}


def branding_body(branding: Branding) -> dict[str, Any]:
    """Return a branding as JSON, its logo described; an empty field is null: the instance's."""
    logo = branding.logo
    body: dict[str, Any] = {
        _SPELT.get(name, name): getattr(branding, name) or None for name in _STRINGS
    }
    body["logo"] = logo and {
        "type": logo.media_type,
        "width": logo.width,
        "height": logo.height,
        "size": len(logo.content),
    }
    return body | {"details": {name: getattr(branding, name) for name in DETAILS}}


def texts_body(look: Look) -> list[dict[str, Any]]:
    """Return an organization's texts as JSON, one object for each kind of mail and language."""
    return [
        {"kind": kind, "language": language}
        | {_SPELT.get(name, name): text for name, text in wording.items()}
        for (kind, language), wording in sorted(look.texts.items())
    ]


def change_body(look: Look) -> dict[str, Any]:
    """Return whose look it is, and its last change, as JSON."""
    return {
        "organization": look.org_id,
        "sequence": str(look.sequence),
        "changeDate": timestamp(look.changed_at) if look.changed_at else None,
    }


def _mapping(body: object, expected: str) -> Mapping[str, object]:
    if not isinstance(body, Mapping):
        raise InvalidLook(expected)
    return body


def _named(given: Mapping[str, object], name: str) -> list[object]:
    """Return the one value of that name, however it is spelt, or none."""
    spelt = [each for each in dict.fromkeys((_SPELT.get(name, name), name)) if each in given]
    if len(spelt) > 1:
        raise InvalidLook(f"{spelt[0]} is set twice: expected one")
    return [given[each] for each in spelt]


def _string(name: str, value: object) -> str:
    if not isinstance(value, str | None):
        raise InvalidLook(f"{_SPELT.get(name, name)}: expected a string or null")
    return value or ""


def _octets(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (NotBase64, ValueError) as error:
        raise InvalidLook("logo: expected base64 of a PNG or JPEG file") from error
