"""Phrases: the tiny language of organizations' own texts, values and conditions, nothing else.

::

    Hello {{ name }},
    {% if change == "reset" %}…{% elif ip %}…{% else %}…{% endif %}   {# a remark #}

It is a part of Jinja's language that a tenant may be trusted with by construction: there
is no loop, no call, no attribute, no filter and no arithmetic, so that what a phrase
costs and how long it gets is bounded by what it is when it is set. Values are shown, and
never read as phrases. :mod:`dispatcher.phrase_reader` makes phrases of texts.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

Values = Mapping[str, str | bool | None]
"""What a phrase may show, by name; None and "" do not hold in a condition."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a value stands."""

    name: str


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold: that there is a value, or that it is a certain one."""

    name: str
    literal: str | None = None
    negated: bool = False

    def holds(self, values: Values) -> bool:
        """Tell whether it does."""
        value = values.get(self.name)
        found = bool(value) if self.literal is None else value == self.literal
        return found != self.negated


@dataclass(frozen=True, slots=True)
class Branches:
    """Parts of which the first counts whose condition holds; None always does."""

    parts: Sequence[tuple[Condition | None, Sequence["Part"]]]


Part = str | Slot | Branches
Show = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Phrase:
    """A text of an organization's own.

    Args:
        source: As it was written; phrases are equal when these are.
        parts: What it means.
    """

    source: str
    parts: Sequence[Part] = field(compare=False, repr=False)

    def render(self, values: Values, *, literal: Show = str, value: Show = str) -> str:
        """Return the text with its values; a value there is none of is left out.

        Args:
            values: What may be shown.
            literal: Writes what the author wrote.
            value: Writes what is somebody else's.
        """
        return "".join(_shown(self.parts, values, literal, value))

    def longest(self, literal: Callable[[str], int], value: int) -> int:
        """Return the size that no rendering exceeds.

        Args:
            literal: The size of what the author wrote.
            value: The size of the longest value.
        """
        return _longest(self.parts, literal, value)


def _shown(parts: Sequence[Part], values: Values, literal: Show, value: Show) -> list[str]:
    shown: list[str] = []
    for part in parts:
        if isinstance(part, str):
            shown.append(literal(part))
        elif isinstance(part, Slot):
            found = values.get(part.name)
            shown.append(value(str(found)) if found else "")
        else:
            chosen = next((inner for test, inner in part.parts if _holds(test, values)), ())
            shown += _shown(chosen, values, literal, value)
    return shown


def _holds(test: Condition | None, values: Values) -> bool:
    return test is None or test.holds(values)


def _longest(parts: Sequence[Part], literal: Callable[[str], int], value: int) -> int:
    longest = 0
    for part in parts:
        if isinstance(part, str):
            longest += literal(part)
        elif isinstance(part, Slot):
            longest += value
        else:
            longest += max(_longest(inner, literal, value) for _, inner in part.parts)
    return longest
