"""Reading phrases: from left to right, in time that is proportional to their length.

ZITADEL's ``{{.DisplayName}}`` is understood, too, for the values that we have.
"""

import re
from collections.abc import Collection, Sequence
from typing import Final

from dispatcher.errors import InvalidLook
from dispatcher.phrase import Branches, Condition, Part, Phrase, Slot

MOST_TAGS: Final = 200
"""Values, conditions and remarks of one phrase."""

DEEPEST: Final = 5
"""Conditions within each other."""

_LONGEST_TAG: Final = 200
_CLOSING: Final = {"{{": "}}", "{%": "%}", "{#": "#}"}
_OPENING: Final = re.compile(r"\{[{%#]")
_REST_OF_LINE: Final = re.compile(r"[ \t]*(?:\n|\Z)")
_NAME: Final = re.compile(r"\.?[A-Za-z_]\w*\Z")
_LITERAL: Final = re.compile(r"\"([^\"\\\n]*)\"\Z|'([^'\\\n]*)'\Z")
_CONDITION: Final = re.compile(
    r"(?P<negated>not\s+)?(?P<name>\.?[A-Za-z_]\w*)"
    r"(?:\s*(?P<operator>==|!=)\s*(?P<literal>\"[^\"\\\n]*\"|'[^'\\\n]*'))?\Z"
)
_SPELT_IN_ZITADEL: Final = {
    ".DisplayName": "name",
    ".PreferredLoginName": "account",
    ".LoginName": "account",
    ".UserName": "account",
    ".OrgID": "organization",
    ".ChangeDate": "occurred_at",
}


def parse(source: str, known: Collection[str] | None = None) -> Phrase:
    """Return the phrase that *source* means; takes time in proportion to its length.

    Args:
        source: The text.
        known: The names of the values there are; None asks for none of them.

    Raises:
        InvalidLook: It is none; the text says where, what is wrong, and what there is.
    """
    return Phrase(source, _Reader(source, known).read())


class _Reader:
    """Reads one phrase from left to right, looking at no place twice."""

    def __init__(self, source: str, known: Collection[str] | None) -> None:
        self._source = source
        self._known = known
        self._at = 0
        self._tags = 0
        self._start = 0
        self._parts: list[Part] = []
        self._open: list[_Open] = []

    def read(self) -> Sequence[Part]:
        while opening := _OPENING.search(self._source, self._at):
            self._start = opening.start()
            self._tag(opening[0])
        self._literal(len(self._source))
        if self._open:
            self._start = self._open[-1].start
            raise self._wrong("this {% if %} has no {% endif %}")
        return tuple(self._parts)

    def _tag(self, opening: str) -> None:
        self._tags += 1
        if self._tags > MOST_TAGS:
            raise self._wrong(f"more than {MOST_TAGS} of {{{{ }}}}, {{% %}} and {{# #}}")
        closing = _CLOSING[opening]
        end = self._source.find(closing, self._start + 2)
        if end < 0:
            raise self._wrong(f"this {opening} has no {closing}")
        inside = self._source[self._start + 2 : end].strip()
        if opening != "{#" and len(inside) > _LONGEST_TAG:
            raise self._wrong(f"more than {_LONGEST_TAG} characters before the {closing}")
        if opening == "{{":
            self._literal(self._start)
            self._parts.append(self._shown(inside))
            self._at = end + 2
            return
        self._literal_before_line(end + 2)
        if opening == "{%":
            self._statement(inside)

    def _literal(self, end: int) -> None:
        if end > self._at:
            self._parts.append(self._source[self._at : end])

    def _literal_before_line(self, end: int) -> None:
        """Take what stands before a statement; one alone on its line takes the line away."""
        line = self._source.rfind("\n", 0, self._start) + 1
        rest = _REST_OF_LINE.match(self._source, end)
        if rest and self._at <= line and not self._source[line : self._start].strip(" \t"):
            self._literal(line)
            self._at = rest.end()
        else:
            self._literal(self._start)
            self._at = end

    def _shown(self, inside: str) -> Part:
        quoted = _LITERAL.match(inside)
        if quoted:
            return quoted[1] or quoted[2] or ""
        if not _NAME.match(inside):
            raise self._wrong("expected the name of a value between {{ and }}, such as {{ name }}")
        return Slot(self._name(inside))

    def _statement(self, inside: str) -> None:
        word, _, rest = inside.partition(" ")
        if word == "if":
            if len(self._open) == DEEPEST:
                raise self._wrong(f"more than {DEEPEST} conditions within each other")
            self._open.append(_Open(self._start, self._parts, self._condition(rest)))
        elif word in {"elif", "else", "endif"}:
            self._next_branch(word, rest)
            return
        else:
            raise self._wrong("expected {% if … %}, {% elif … %}, {% else %} or {% endif %}")
        self._parts = []

    def _next_branch(self, word: str, rest: str) -> None:
        if not self._open or (word != "endif" and self._open[-1].is_last):
            raise self._wrong(f"this {{% {word} %}} belongs to no {{% if %}}")
        if word != "elif" and rest.strip():
            raise self._wrong(f"expected nothing but {{% {word} %}}")
        branches = self._open[-1]
        branches.close(self._parts)
        if word == "endif":
            self._parts = self._open.pop().outside
            self._parts.append(Branches(tuple(branches.parts)))
            return
        branches.condition = self._condition(rest) if word == "elif" else None
        self._parts = []

    def _condition(self, text: str) -> Condition:
        found = _CONDITION.match(text.strip())
        if not found or (found["negated"] and found["operator"]) or found["name"] == "not":
            raise self._wrong(
                'expected a value, "not" and a value, or a comparison such as change == "reset"'
            )
        literal = found["literal"]
        negated = bool(found["negated"]) or found["operator"] == "!="
        return Condition(self._name(found["name"]), literal and literal[1:-1], negated)

    def _name(self, spelt: str) -> str:
        name = _SPELT_IN_ZITADEL.get(spelt, spelt)
        if self._known is not None and name not in self._known:
            there = ", ".join(sorted(self._known))
            raise self._wrong(f"there is no value {spelt[:40]}; there are {there}")
        return name

    def _wrong(self, what: str) -> InvalidLook:
        line = self._source.count("\n", 0, self._start) + 1
        column = self._start - self._source.rfind("\n", 0, self._start)
        return InvalidLook(f"line {line}, column {column}: {what}")


class _Open:
    """Branches that are not closed yet."""

    def __init__(self, start: int, outside: list[Part], condition: Condition) -> None:
        self.start = start
        self.outside = outside
        self.condition: Condition | None = condition
        self.parts: list[tuple[Condition | None, Sequence[Part]]] = []

    @property
    def is_last(self) -> bool:
        return self.condition is None

    def close(self, parts: Sequence[Part]) -> None:
        self.parts.append((self.condition, tuple(parts)))
