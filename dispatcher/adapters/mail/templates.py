"""Templates: found in folders, styled once, rendered per message.

A kind of mail is a folder with ``subject.txt``, ``body.txt`` and ``body.html``; the bodies
stand where their layout says ``{# content #}``, what several kinds tell alike stands where
they say ``{# part details #}``, and the stylesheet is inlined when they are read. See
:mod:`dispatcher.adapters.mail.editions` for how they are compiled.

In HTML, statements stand in comments, ``<!-- {% if ip %} -->``: a template stays a
document that browsers, editors and the inliner understand.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from css_inline import CSSInliner
from jinja2 import Environment, FileSystemLoader
from jinja2 import Template as CompiledTemplate

import dispatcher
from dispatcher.adapters.mail.dressing import COLOURS, SLOTS, Dressing
from dispatcher.adapters.mail.inline import Inline
from dispatcher.errors import ConfigError, RenderError

LARGEST: Final = 100_000
"""Characters a rendered part may have; Gmail cuts mails off at about this size."""

_TEXT_LAYOUT: Final = "_layout/layout.txt"
_HTML_LAYOUT: Final = "_layout/layout.html"
_STYLESHEET: Final = "_layout/mail.css"
_HOLE: Final = "{# content #}"
_PART: Final = re.compile(r"\{# part (\w+) #\}\n")
_STATEMENT: Final = re.compile(r"<!--\s*(\{%.*?%\})\s*-->", re.DOTALL)
_INDENTATION: Final = re.compile(r"\s*\n\s*")
_SLOT: Final = re.compile(r"\{# slot (\w+) #\}(\n?)(.*?)\{# end #\}", re.DOTALL)
_COLOUR: Final = re.compile(r"var\(--(\w+),\s*(#\w+)\)")


def default_folder() -> Path:
    """Return the folder of the templates that ship: in the wheel, or in a checkout beside it."""
    package = Path(dispatcher.__file__).parent
    shipped = package / "templates"
    return shipped if shipped.is_dir() else package.parent / "templates"


@dataclass(frozen=True, slots=True)
class Parts:
    """What one message says, rendered: no header yet, any line ends."""

    subject: str
    text: str
    html: str
    logo: Inline | None = None


@dataclass(frozen=True, slots=True)
class Edition:
    """One kind of mail in one language, compiled."""

    subject: CompiledTemplate
    text: CompiledTemplate
    html: CompiledTemplate

    def render(self, values: Mapping[str, str | bool | None]) -> Parts:
        """Return the three parts; the bodies see the subject as ``subject``.

        Raises:
            RenderError: A template failed, or made something too large.
        """
        subject = " ".join(_rendered(self.subject, values).split())
        seen = {**values, "subject": subject}
        return Parts(subject, _rendered(self.text, seen), _rendered(self.html, seen))

    def dressed(self, values: Mapping[str, str | bool | None], dressing: Dressing) -> Parts:
        """Return the three parts in an organization's look; the templates must have slots.

        Raises:
            RenderError: A template failed, or made something too large.
        """
        subject = dressing.subject or " ".join(_rendered(self.subject, values).split())
        seen = {**values, "subject": subject}
        text = _rendered(self.text, {**seen, **dressing.text})
        return Parts(subject, text, _rendered(self.html, {**seen, **dressing.html}), dressing.logo)


def _rendered(template: CompiledTemplate, values: Mapping[str, str | bool | None]) -> str:
    try:
        text = template.render(values)
    except Exception as error:  # an operator's template may raise anything
        # The error's own text may quote a value.
        reason = type(error).__name__
        raise RenderError(f"the template {template.name} failed: {reason}") from error
    if len(text) > LARGEST:
        raise RenderError(f"the template {template.name} made more than {LARGEST} characters")
    return text


class Sources:
    """The templates' sources: bodies stand in their layout, styled, once.

    Args:
        folders: Template folders, the one that counts most first.
        slots: Whether what may be an organization's own is to be left open.
    """

    def __init__(self, folders: Sequence[Path], *, slots: bool = False) -> None:
        self._slots = slots
        self._folders = tuple(folders)
        self._files = FileSystemLoader(folders)
        self._made: dict[str, str] = {}

    def kinds(self) -> Sequence[str]:
        """Return the names of the kinds of mail there are templates for."""
        bodies = (path for folder in self._folders for path in folder.glob("*/body.html"))
        return sorted({path.parent.name for path in bodies})

    def get(self, environment: Environment, name: str) -> str:
        """Return a template's source.

        Raises:
            TemplateNotFound: There is none of that name.
            InlineError: The stylesheet cannot be inlined.
            ConfigError: There is no such slot or colour.
        """

        def read(name: str) -> str:
            return self._files.get_source(environment, name)[0].replace("\0", "\ufffd")

        if name not in self._made:
            form = name.rpartition(".")[2]
            source = _PART.sub(lambda part: read(f"_layout/{part[1]}.{form}"), read(name))
            if name.endswith("/body.txt"):
                source = read(_TEXT_LAYOUT).replace(_HOLE, source.rstrip())
            elif name.endswith("/body.html"):
                source = _styled(read(_HTML_LAYOUT).replace(_HOLE, source), read(_STYLESHEET))
                source = _COLOUR.sub(self._colour, source)
            self._made[name] = _SLOT.sub(self._slot, source)
        return self._made[name]

    def _slot(self, found: re.Match[str]) -> str:
        name, line_end, usual = found.groups()
        if name not in SLOTS:
            raise ConfigError(f"no template can have a slot {name}; there are {_list(SLOTS)}")
        if not self._slots:
            return f"{usual}{{##}}"  # the remark takes its line away, as the statement would
        own = f"{{% if {name} %}}{line_end}{{{{ {name} }}}}{line_end}"
        return f"{own}{{% else %}}{line_end}{usual}{{% endif %}}"

    def _colour(self, found: re.Match[str]) -> str:
        name, usual = found.groups()
        if name not in COLOURS:
            raise ConfigError(f"no stylesheet can leave --{name} open; there are {_list(COLOURS)}")
        return f'{{{{ {name}_color or "{usual}" }}}}' if self._slots else usual


def _styled(document: str, stylesheet: str) -> str:
    inliner = CSSInliner(
        extra_css=stylesheet, keep_style_tags=True, minify_css=True, load_remote_stylesheets=False
    )
    styled = inliner.inline(document).replace(' data-css-inline="ignore"', "")
    return _INDENTATION.sub("\n", _STATEMENT.sub(r"\1", styled))


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
