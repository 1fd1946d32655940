"""Templates: found in folders, styled and translated once, rendered per message.

A kind of mail is a folder with ``subject.txt``, ``body.txt`` and ``body.html``; the bodies
stand where their layout says ``{# content #}``. When they are loaded, each language gets
its own compiled copy in which ``_("…")`` is already that language's text, and the
stylesheet is already inlined: a message only fills in.

In HTML, statements stand in comments, ``<!-- {% if ip %} -->``: a template stays a
document that browsers, editors and the inliner understand.
"""

import re
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import Any, Final

from css_inline import CSSInliner, InlineError
from jinja2 import BaseLoader, FileSystemLoader, StrictUndefined, TemplateError, TemplateNotFound
from jinja2 import Environment as AnyEnvironment
from jinja2 import Template as CompiledTemplate
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import escape

import dispatcher
from dispatcher.adapters.mail.catalogues import Catalogue
from dispatcher.errors import ConfigError, RenderError

LARGEST: Final = 100_000
"""Characters a rendered part may have; Gmail cuts mails off at about this size."""

_TEXT_LAYOUT: Final = "_layout/layout.txt"
_HTML_LAYOUT: Final = "_layout/layout.html"
_STYLESHEET: Final = "_layout/mail.css"
_HOLE: Final = "{# content #}"
_TEXT_WIDTH: Final = 72
_STATEMENT: Final = re.compile(r"<!--\s*(\{%.*?%\})\s*-->", re.DOTALL)
_INDENTATION: Final = re.compile(r"\s*\n\s*")


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


def load_editions(
    folders: Sequence[Path],
    catalogues: Iterable[Catalogue],
    constants: Mapping[str, str],
) -> Mapping[tuple[str, str], Edition]:
    """Return every kind of mail in every language, by (template, language).

    Args:
        folders: Template folders, the one that counts most first.
        catalogues: The languages.
        constants: Values that all templates see in every message.

    Raises:
        ConfigError: A template is missing a part, or cannot be compiled; names the place.
    """
    sources = _Sources(folders)
    kinds = sorted({path.parent.name for folder in folders for path in folder.glob("*/body.html")})
    editions: dict[tuple[str, str], Edition] = {}
    for catalogue in catalogues:
        environment = _Environment(sources, catalogue, constants)
        for kind in kinds:
            editions[kind, catalogue.language] = environment.edition(kind)
    return editions


class _Sources(BaseLoader):
    """Finds templates' sources; puts bodies into their layout and styles them, once."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._files = FileSystemLoader(folders)
        self._made: dict[str, str] = {}

    def get_source(
        self, environment: AnyEnvironment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        """Return the source; the Jinja contract's other two values are not needed."""

        def read(name: str) -> str:
            return self._files.get_source(environment, name)[0]

        if template not in self._made:
            source = read(template)
            if template.endswith("/body.txt"):
                source = read(_TEXT_LAYOUT).replace(_HOLE, source.rstrip())
            elif template.endswith("/body.html"):
                source = _styled(read(_HTML_LAYOUT).replace(_HOLE, source), read(_STYLESHEET))
            self._made[template] = source
        return self._made[template], template, None


def _styled(document: str, stylesheet: str) -> str:
    inliner = CSSInliner(
        extra_css=stylesheet, keep_style_tags=True, minify_css=True, load_remote_stylesheets=False
    )
    styled = inliner.inline(document).replace(' data-css-inline="ignore"', "")
    return _INDENTATION.sub("\n", _STATEMENT.sub(r"\1", styled))


class _Folding(Extension):
    """Puts in, before a template is compiled, what will be the same in every message.

    That is the catalogue's text where ``_("…")`` stands, and constants where they stand
    alone, as in ``{{ lang }}``. The compiler then joins them with the text around them.
    """

    environment: "_Environment"

    def filter_stream(self, stream: TokenStream) -> Iterable[Token]:
        """Yield the template's tokens; in HTML, what is put in is escaped here and for good."""
        html = stream.name is not None and stream.name.endswith(".html")
        before = ""
        for token in stream:
            text = self._known(token, stream, before)
            before = token.type
            if text is None:
                yield token
            elif html:
                yield Token(token.lineno, "string", _references(text))
                yield Token(token.lineno, "pipe", "|")
                yield Token(token.lineno, "name", "safe")
            else:
                yield Token(token.lineno, "string", text)

    def _known(self, token: Token, stream: TokenStream, before: str) -> str | None:
        if token.test("name:_") and stream.current.test("lparen"):
            next(stream)
            text = stream.expect("string").value
            stream.expect("rparen")
            return self.environment.catalogue.gettext(text)
        if (
            before == "variable_begin"
            and token.test("name")
            and stream.current.test("variable_end")
        ):
            return self.environment.constants.get(token.value)
        return None


def _references(text: str) -> str:
    """Return the text as HTML in ASCII, so that a message need not encode it again."""
    return str(escape(text)).encode("ascii", "xmlcharrefreplace").decode()


class _Environment(ImmutableSandboxedEnvironment):
    """One language's sandbox: plain values in, text out."""

    def __init__(
        self, sources: BaseLoader, catalogue: Catalogue, constants: Mapping[str, str]
    ) -> None:
        self.catalogue = catalogue
        super().__init__(
            loader=sources,
            extensions=[_Folding],
            autoescape=lambda name: name is None or not name.endswith(".txt"),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            cache_size=-1,
        )
        self.filters["wrap"] = _wrap
        self.constants = {
            **constants,
            "lang": catalogue.language,
            "dir": "rtl" if catalogue.rtl else "ltr",
            "start": "right" if catalogue.rtl else "left",
        }
        # None of Jinja's own. A number is known only when a message is rendered.
        self.globals = {**self.constants, "ngettext": catalogue.ngettext}

    def make_globals(
        self,
        d: MutableMapping[str, Any] | None,  # noqa: ARG002 - Jinja's signature
    ) -> MutableMapping[str, Any]:
        """Return one plain mapping for all templates: a ChainMap, copied per render, is slow."""
        return self.globals

    def edition(self, kind: str) -> Edition:
        """Return the compiled templates of that folder."""
        try:
            return Edition(
                self.get_template(f"{kind}/subject.txt"),
                self.get_template(f"{kind}/body.txt"),
                self.get_template(f"{kind}/body.html"),
            )
        except TemplateNotFound as error:
            raise ConfigError(f"the template {error.name} is missing") from error
        except (TemplateError, InlineError) as error:
            place = f"{getattr(error, 'filename', kind)}, line {getattr(error, 'lineno', '?')}"
            raise ConfigError(f"the template {place} cannot be used: {error}") from error


def _wrap(text: str) -> str:
    return fill(text, _TEXT_WIDTH, break_long_words=False, break_on_hyphens=False)
