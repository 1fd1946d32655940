"""Editions: the kinds of mail in the languages, compiled once and printed when needed."""

from collections.abc import Mapping, MutableMapping
from functools import cache
from types import CodeType
from typing import Any

from css_inline import InlineError
from jinja2 import BaseLoader, StrictUndefined, TemplateError, TemplateNotFound
from jinja2 import Environment as AnyEnvironment
from jinja2 import Template as CompiledTemplate
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from dispatcher.adapters.mail.catalogues import Catalogue
from dispatcher.adapters.mail.locales import ENGLISH, colon
from dispatcher.adapters.mail.printing import Kind, Setting, printed
from dispatcher.adapters.mail.templates import Edition, Sources
from dispatcher.adapters.mail.wrapping import wrap
from dispatcher.errors import ConfigError


class Editions:
    """Every kind of mail in every language, each printed when it is first asked for.

    Args:
        sources: The templates.
        catalogues: The languages by tag.
        constants: Values that all templates see in every message.

    Raises:
        ConfigError: A template is missing a part, or cannot be compiled; names the place.
    """

    def __init__(
        self, sources: Sources, catalogues: Mapping[str, Catalogue], constants: Mapping[str, str]
    ) -> None:
        self._sources = sources
        self._catalogues = catalogues
        self._constants = constants
        self._compiled: dict[str, CodeType] = {}
        self._presses: dict[str, _Press] = {}
        self._printed: dict[tuple[str, str], Edition] = {}
        for kind in sources.kinds():
            self._printed[kind, ENGLISH] = self._edition(kind, ENGLISH)

    def get(self, kind: str, language: str) -> Edition | None:
        """Return a kind of mail in a language there is, or None where there is no such kind."""
        edition = self._printed.get((kind, language))
        if edition is None and (kind, ENGLISH) in self._printed:
            edition = self._printed[kind, language] = self._edition(kind, language)
        return edition

    def _edition(self, kind: str, language: str) -> Edition:
        press = self._presses.get(language)
        if press is None:
            catalogue = self._catalogues[language]
            loader = _Loader(self._sources, self._compiled, catalogue, self._constants)
            press = self._presses[language] = _Press(loader)
        try:
            return Edition(
                press.get_template(f"{kind}/subject.txt"),
                press.get_template(f"{kind}/body.txt"),
                press.get_template(f"{kind}/body.html"),
            )
        except TemplateNotFound as error:
            raise ConfigError(f"the template {error.name} is missing") from error
        except (TemplateError, InlineError) as error:
            place = f"{getattr(error, 'filename', kind)}, line {getattr(error, 'lineno', '?')}"
            raise ConfigError(f"the template {place} cannot be used: {error}") from error


class _Press(ImmutableSandboxedEnvironment):
    """One language's sandbox: plain values in, text out."""

    def __init__(self, loader: BaseLoader) -> None:
        super().__init__(
            loader=loader,
            extensions=[Setting],
            autoescape=lambda name: name is None or not name.endswith(".txt"),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            cache_size=-1,
        )
        self.globals = {}  # none of Jinja's own
        self.filters.update(wrap=wrap, bdi=_bdi)

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """Return one plain mapping: a ChainMap, copied per render, is slow."""
        return self.globals if d is None else d


class _Loader(BaseLoader):
    """Gives the templates in one language; each is compiled for the first that asks."""

    def __init__(
        self,
        sources: Sources,
        compiled: dict[str, CodeType],
        catalogue: Catalogue,
        constants: Mapping[str, str],
    ) -> None:
        self._sources = sources
        self._compiled = compiled
        self._catalogue = catalogue
        self._constants = {
            **constants,
            "lang": catalogue.language,
            "dir": "rtl" if catalogue.rtl else "ltr",
            "start": "right" if catalogue.rtl else "left",
            "colon": colon(catalogue.language),
        }
        # A number is known only when a message is rendered.
        seen = {**self._constants, "ngettext": catalogue.ngettext}
        self._seen_by_text = {**seen, "_": catalogue.gettext}
        self._seen_by_html = {**seen, "_": cache(self._markup)}

    def load(
        self,
        environment: AnyEnvironment,
        name: str,
        globals: MutableMapping[str, Any] | None = None,  # noqa: A002, ARG002 - Jinja's signature
    ) -> CompiledTemplate:
        """Return a template as it is printed in this language."""
        code = self._compiled.get(name)
        if code is None:
            source = self._sources.get(environment, name)
            code = self._compiled[name] = environment.compile(source, name, name)
        if name.endswith(".html"):
            printed_code, seen = printed(code, self._html), self._seen_by_html
        else:
            printed_code, seen = printed(code, self._text), self._seen_by_text
        return environment.template_class.from_code(environment, printed_code, seen)

    def _text(self, kind: Kind, text: str) -> str:
        if kind == "constant":
            return self._constants[text]
        translated = self._catalogue.gettext(text)
        return wrap(translated) if kind == "wrapped" else translated

    def _html(self, kind: Kind, text: str) -> str:
        """Return it as HTML in ASCII, so that a message need not encode it again."""
        return str(escape(self._text(kind, text))).encode("ascii", "xmlcharrefreplace").decode()

    def _markup(self, text: str) -> Markup:
        return Markup(self._html("text", text))  # noqa: S704 - escaped just above


def _bdi(text: str) -> Markup:
    """Return the text as an element that no writing direction around it can turn round."""
    return Markup("<bdi>%s</bdi>") % text
