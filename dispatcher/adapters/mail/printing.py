"""Printing: a template is set once, with gaps; each language prints its own copy.

What is the same in every message of a language fills the gaps: the catalogue's text
where ``{{ _("…") }}`` stands, and constants where they stand alone, as in ``{{ lang }}``.
Compiling takes Jinja some ten milliseconds, filling the gaps of what it compiled a tenth
of one, so that the first mail of a language is no slower than the next.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import CodeType
from typing import Final, Literal

from jinja2 import TemplateSyntaxError
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream

Kind = Literal["text", "wrapped", "constant"]
"""What fills a gap: a text, a text as lines, or a constant by its name."""

CONSTANTS: Final = frozenset({"lang", "dir", "start", "colon", "contact", "contact_link"})
"""The names of what is the same in all mails of a language and an installation."""

Fill = Callable[[Kind, str], str]

# No template holds NUL, and neither escaping nor joining changes the letters between.
_GAP: Final = re.compile("\0([0-9a-f]+)\0")
_KINDS: Final[Sequence[Kind]] = ("text", "wrapped", "constant")

_TEXT: Final = ("variable_begin", "name", "lparen", "string", "rparen")
_END: Final = ("variable_end",)
_WRAP: Final = ("pipe", "name", "variable_end")
# What is filled in is a name, not a literal: else the compiler would do it before the gap is.
_FORMAT: Final = ("mod", "lbrace", "string", "colon", "name")
_LONGEST: Final = len(_TEXT) + len(_FORMAT)


class Setting(Extension):
    """Leaves gaps in templates."""

    def filter_stream(self, stream: TokenStream) -> Iterable[Token]:
        """Yield the template's tokens.

        Raises:
            TemplateSyntaxError: ``_`` is asked for anything but a literal text.
        """
        tokens = list(stream)
        html = stream.name is not None and stream.name.endswith(".html")
        at = 0
        while at < len(tokens):
            gap, length = _gap(tokens[at : at + _LONGEST])
            _check(tokens[at : at + len(_TEXT)], stream)
            yield tokens[at]
            if gap:
                lineno = tokens[at].lineno
                yield Token(lineno, "string", gap)
                if html:  # what will stand there is escaped already
                    yield Token(lineno, "pipe", "|")
                    yield Token(lineno, "name", "safe")
            at += length


def _gap(tokens: Sequence[Token]) -> tuple[str, int]:
    """Return the gap after the first token, or "", and how many tokens the two replace."""
    types = tuple(token.type for token in tokens)
    values = [token.value for token in tokens]
    if types[: len(_TEXT)] == _TEXT and values[1] == "_":
        after = types[len(_TEXT) :]
        if after[:1] == _END or after == _FORMAT:
            return _marked("text", values[3]), len(_TEXT)
        if after[:3] == _WRAP and values[6] == "wrap":
            return _marked("wrapped", values[3]), len(_TEXT) + 2
    if types[:3] == ("variable_begin", "name", "variable_end") and values[1] in CONSTANTS:
        return _marked("constant", values[1]), 2
    return "", 1


def printed(code: CodeType, fill: Fill) -> CodeType:
    """Return a compiled template with its gaps filled.

    Args:
        code: What Jinja made of a template in whose tokens gaps were left.
        fill: Gives what stands in a gap, as it is to be sent.
    """
    return code.replace(co_consts=tuple(_filled(code.co_consts, fill)))


def _filled(constants: Iterable[object], fill: Fill) -> Iterator[object]:
    for constant in constants:
        if isinstance(constant, str) and "\0" in constant:
            yield _GAP.sub(lambda gap: fill(*_parsed(gap[1])), constant)
        elif isinstance(constant, CodeType):
            yield printed(constant, fill)
        elif isinstance(constant, tuple):
            yield tuple(_filled(constant, fill))
        else:
            yield constant


def _marked(kind: Kind, text: str) -> str:
    return f"\0{_KINDS.index(kind):02x}{text.encode().hex()}\0"


def _parsed(letters: str) -> tuple[Kind, str]:
    octets = bytes.fromhex(letters)
    return _KINDS[octets[0]], octets[1:].decode()


def _check(tokens: Sequence[Token], stream: TokenStream) -> None:
    """Refuse a text that is not written out: no catalogue could have it."""
    types = [token.type for token in tokens[:4]]
    if tokens[0].test("name:_") and types != ["name", "lparen", "string", "rparen"]:
        raise TemplateSyntaxError(
            'expected a text: _("…")', tokens[0].lineno, stream.name, stream.filename
        )
