"""The gallery's pages as HTML."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dispatcher.adapters.mail.locales import Languages
from dispatcher.adapters.standalone import inbox_page
from dispatcher.adapters.standalone.inbox_render import human_size
from dispatcher.adapters.standalone.mail_view import MailView, take_apart
from dispatcher.cli.preview_faults import Fault, explain
from dispatcher.cli.preview_gallery import Edition, Exhibit, Gallery
from dispatcher.cli.preview_samples import CONTENTS, VARIANTS
from dispatcher.cli.preview_scheme import SCHEMES
from dispatcher.errors import RenderError

FOLDERS: Final = (Path(__file__).parent / "pages", Path(inbox_page.__file__).parent / "pages")
"""Our templates and styles, and the inbox's, whose look they share."""

ALL: Final = "all"
WIDTHS: Final = {"desktop": "Desktop", "phone": "Phone"}
VIEWS: Final = {"html": "HTML", "text": "Text", "headers": "Headers", "source": "Source"}


@dataclass(frozen=True, slots=True)
class Card:
    """One mail as it is shown: taken apart, or why there is none."""

    exhibit: Exhibit
    variant: str
    content: str
    mail: MailView | None = None
    size: int = 0
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """A choice by one property of mails.

    Args:
        name: The property, as in the query.
        title: What a person calls it.
        options: Its values and what they are called.
        chosen: The value that is chosen.
    """

    name: str
    title: str
    options: Mapping[str, str]
    chosen: str

    def takes(self, value: str) -> bool:
        """Tell whether a mail, or a way to show it, is wanted."""
        return self.chosen in {ALL, value}


@dataclass(frozen=True, slots=True)
class Notice:
    """What came of an attempt to send."""

    text: str
    good: bool = False


@dataclass(frozen=True, slots=True)
class Sending:
    """What the form needs to be taken: the token, and the address to begin with."""

    token: str
    to: str = ""


class Pages:
    """Renders the gallery and its mails.

    Args:
        gallery: What is shown.
        remark: What there is to say about sending where it is not possible, or "".
    """

    def __init__(self, gallery: Gallery, *, remark: str = "") -> None:
        self._gallery = gallery
        self._environment = Environment(
            loader=FileSystemLoader(FOLDERS),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters["bytes"] = human_size
        self._environment.globals.update(
            examples=gallery.look.examples, remark=remark, kinds=_titles(gallery)
        )

    def listing(self, edition: Edition, query: Mapping[str, str]) -> str:
        """Return the page of all mails that the query's filters let through."""
        filters = {each.name: each for each in self._filters(edition, query)}

        def href(name: str, value: str) -> str:
            chosen = {each.name: each.chosen for each in filters.values()}
            return "/?" + urlencode(chosen | {name: value})

        return self._environment.get_template("preview.html").render(
            edition=edition,
            cards=list(self._cards(edition, filters)),
            filters=[each for each in filters.values() if len(each.options) > 1],
            widths=[width for width in WIDTHS if filters["width"].takes(width)],
            schemes=[scheme for scheme in SCHEMES if filters["scheme"].takes(scheme)],
            href=href,
            all=ALL,
        )

    def mail(
        self,
        edition: Edition,
        exhibit: Exhibit,
        query: Mapping[str, str],
        *,
        sending: Sending | None = None,
        notice: Notice | None = None,
    ) -> str:
        """Return the page of one mail.

        Args:
            edition: The templates.
            exhibit: Which mail.
            query: ``view``, ``width`` and ``scheme``; anything odd means the first.
            sending: What the form for sending needs, or None for no such form.
            notice: What came of it.
        """
        return self._environment.get_template("preview_mail.html").render(
            edition=edition,
            card=self._card(edition, exhibit),
            views=VIEWS,
            widths=WIDTHS,
            schemes={scheme: scheme.title() for scheme in SCHEMES},
            view=_one_of(VIEWS, query.get("view")),
            width=_one_of(WIDTHS, query.get("width")),
            scheme=_one_of(SCHEMES, query.get("scheme")),
            siblings=self._siblings(edition, exhibit),
            sending=sending,
            notice=notice,
        )

    def missing(self) -> str:
        """Return the page for what is not there."""
        return self._environment.get_template("preview_missing.html").render()

    def _filters(self, edition: Edition, query: Mapping[str, str]) -> Iterator[Filter]:
        default = Languages(edition.languages, self._gallery.look.default_locale).choose(None)
        offered = (
            ("kind", "Mail", _titles(self._gallery), ALL),
            ("language", "Language", {tag: tag for tag in edition.languages}, default.language),
            ("variant", "Variant", {key: each.title for key, each in VARIANTS.items()}, ALL),
            ("content", "Content", {key: each.title for key, each in CONTENTS.items()}, "full"),
            ("width", "Width", WIDTHS, ALL),
            ("scheme", "Scheme", {scheme: scheme.title() for scheme in SCHEMES}, ALL),
        )
        for name, title, options, standard in offered:
            asked = query.get(name, standard)
            yield Filter(name, title, options, asked if asked in {ALL, *options} else standard)

    def _cards(self, edition: Edition, filters: Mapping[str, Filter]) -> Iterator[Card]:
        languages = [tag for tag in edition.languages if filters["language"].takes(tag)]
        for exhibit in self._gallery.exhibits(languages):
            if all(
                filters[name].takes(getattr(exhibit, name))
                for name in ("kind", "variant", "content")
            ):
                yield self._card(edition, exhibit)

    def _card(self, edition: Edition, exhibit: Exhibit) -> Card:
        titles = VARIANTS[exhibit.variant].title, CONTENTS[exhibit.content].title
        if edition.renderer is None:
            return Card(exhibit, *titles, fault=edition.fault)
        try:
            content = self._gallery.message(exhibit, edition.renderer).content
        except RenderError as error:
            return Card(exhibit, *titles, fault=explain(error, self._gallery.look.folders))
        return Card(exhibit, *titles, take_apart(content), len(content))

    def _siblings(self, edition: Edition, exhibit: Exhibit) -> Sequence[Exhibit]:
        """Return the same mail in every language."""
        kind, variant, content = exhibit.kind, exhibit.variant, exhibit.content
        return [Exhibit(kind, variant, content, tag) for tag in edition.languages]


def _titles(gallery: Gallery) -> Mapping[str, str]:
    return {name: name.replace("_", " ").capitalize() for name in gallery.kinds}


def _one_of(options: Mapping[str, str] | Sequence[str], asked: str | None) -> str:
    return asked if asked is not None and asked in options else next(iter(options))
