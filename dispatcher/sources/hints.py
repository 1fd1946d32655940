"""What others say of a user, as far as it can be true: a wrong hint costs no mail."""

from typing import Final

from pydantic import TypeAdapter, ValidationError

from dispatcher.sources._fields import Address, Locale, Text

_ADDRESS: Final[TypeAdapter[str]] = TypeAdapter(Address)
_LOCALE: Final[TypeAdapter[str]] = TypeAdapter(Locale)
_NAME: Final[TypeAdapter[str]] = TypeAdapter(Text)
_NO_LOCALE: Final = frozenset({"", "und"})  # BCP 47: undetermined


def an_address(said: object) -> str | None:
    """Return what is said, where it is one mail address."""
    return _checked(_ADDRESS, said)


def a_locale(said: object) -> str | None:
    """Return what is said, where it is a language."""
    return None if said in _NO_LOCALE else _checked(_LOCALE, said)


def a_name(said: object) -> str | None:
    """Return what is said, on one line, where it is a name."""
    name = _checked(_NAME, said)
    return name.strip() or None if name else None


def _checked(kind: TypeAdapter[str], said: object) -> str | None:
    try:
        return kind.validate_python(said) if said else None
    except ValidationError:
        return None
