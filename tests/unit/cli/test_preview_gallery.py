"""The gallery: its samples, its editions, and what it says of a template that does not work."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dispatcher.adapters.mail.renderer import MailRenderer
from dispatcher.adapters.mail.templates import default_folder
from dispatcher.adapters.standalone.mail_view import MailView, take_apart
from dispatcher.cli.preview_faults import Fault, explain
from dispatcher.cli.preview_gallery import Exhibit, Gallery
from dispatcher.cli.preview_mails import DEMO_CONTACT, Look
from dispatcher.cli.preview_samples import CONTENTS, VARIANTS, kinds, makes_sense, sample
from dispatcher.cli.preview_scheme import in_scheme
from dispatcher.errors import ConfigError, RenderError
from dispatcher.settings import Settings
from dispatcher.sources import native
from tests.builders import StandingClock

PLAIN = Exhibit("password_change", "change", "full", "en")

Edit = Callable[[str, str, str], None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return shutil.copytree(default_folder(), tmp_path / "templates")


@pytest.fixture
def edit(folder: Path) -> Edit:
    """Return what replaces a text in a template."""

    def edit(name: str, before: str, after: str) -> None:
        path = folder / name
        text = path.read_text(encoding="utf-8")
        assert before in text
        path.write_text(text.replace(before, after), encoding="utf-8")

    return edit


@pytest.fixture
def gallery(folder: Path) -> Gallery:
    look = Look("Acme <no-reply@acme.example>", "security@acme.example", "en", (folder,))
    return Gallery(look, StandingClock())


def renderer(gallery: Gallery) -> MailRenderer:
    found = gallery.edition().renderer
    assert found is not None
    return found


def seen(gallery: Gallery, exhibit: Exhibit = PLAIN) -> MailView:
    return take_apart(gallery.message(exhibit, renderer(gallery)).content)


def fault(gallery: Gallery) -> Fault:
    """Return what is wrong with the newest templates, or with what they make."""
    edition = gallery.edition()
    if edition.fault is not None:
        return edition.fault
    with pytest.raises(RenderError) as failed:
        gallery.message(PLAIN, renderer(gallery))
    return explain(failed.value, gallery.look.folders)


def test_every_mail_there_is_can_be_made(gallery: Gallery) -> None:
    languages = gallery.edition().languages
    exhibits = list(gallery.exhibits(languages))
    assert len(exhibits) == len(set(exhibits))
    assert len(exhibits) >= len(VARIANTS) * len(CONTENTS) * len(languages)
    for exhibit in exhibits:
        mail = seen(gallery, exhibit)
        assert mail.header("content-language") == exhibit.language
        assert mail.header("subject")
        assert mail.text
        assert mail.html


def test_a_sample_is_always_the_same_mail(gallery: Gallery) -> None:
    one, other = (gallery.message(PLAIN, renderer(gallery)) for _ in range(2))
    assert one == other


def test_a_sample_that_is_sent_has_an_id_and_a_recipient_of_its_own(gallery: Gallery) -> None:
    shown = gallery.message(PLAIN, renderer(gallery))
    sent = gallery.message(PLAIN, renderer(gallery), to="me@here.example", event_id="once")
    assert sent.recipient == "me@here.example"
    assert sent.id != shown.id


@pytest.mark.parametrize("content", ["full", "english", "sparse", "long"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_tame_samples_are_events_that_a_worker_takes(variant: str, content: str) -> None:
    for trigger in kinds().values():
        if makes_sense(trigger, variant):
            wire = sample(trigger, variant, content, "de").to_wire()
            wire["user"] = {name: text for name, text in wire["user"].items() if text != ""}
            assert native.parse(wire).change is VARIANTS[variant].change


def test_an_organizations_look_is_shown_whole(gallery: Gallery) -> None:
    mail = seen(gallery, Exhibit("password_change", "change", "branded", "en"))
    assert mail.text is not None
    assert mail.html is not None
    assert "Good day, Ada Lovelace." in mail.text
    assert "Globex Identity\r\nVienna, Austria" in mail.text
    assert "#7a2a69" in mail.html
    assert "cid:" in mail.html


def test_hostile_names_stay_names(gallery: Gallery) -> None:
    mail = seen(gallery, Exhibit("password_change", "change", "hostile", "en"))
    assert mail.html is not None
    assert mail.text is not None
    assert "<script>" not in mail.html
    assert "evil.example" not in mail.text
    assert [name.lower() for name, _ in mail.headers].count("bcc") == 0


def test_an_edition_lasts_until_a_template_is_saved(gallery: Gallery, edit: Edit) -> None:
    first = gallery.edition()
    assert gallery.edition() is first
    edit("password_change/subject.txt", "Your password was changed", "Your password is another one")
    assert gallery.edition().version != first.version
    assert seen(gallery).header("subject") == "Your password is another one"


def test_a_new_language_is_there_once_its_catalogue_is(gallery: Gallery, folder: Path) -> None:
    assert "eo" not in gallery.edition().languages
    shutil.copy(folder / "locale" / "de.po", folder / "locale" / "eo.po")
    assert "eo" in gallery.edition().languages


def test_another_run_is_another_edition(gallery: Gallery) -> None:
    again = Gallery(gallery.look, StandingClock())
    assert again.edition().version != gallery.edition().version


def test_while_a_template_is_broken_the_mails_are_of_the_last_that_worked(
    gallery: Gallery, edit: Edit
) -> None:
    before = renderer(gallery)
    edit("password_change/body.html", "{% if name %}", "{% if name = %}")
    assert gallery.edition().fault is not None
    assert renderer(gallery) is before
    edit("password_change/body.html", "{% if name = %}", "{% if name %}")
    assert gallery.edition().fault is None
    assert renderer(gallery) is not before


@pytest.mark.parametrize(
    ("name", "before", "after", "text"),
    [
        (
            "_layout/details.html",
            "{% if client %}",
            "{% if client == %}",
            "unexpected 'end of",
        ),
        ("_layout/details.html", "{% if client %}", "{% iff client %}", "unknown tag 'iff'"),
        ("_layout/details.html", "{{ account }}", "{{ acount }}", "'acount' is undefined"),
        ("_layout/details.txt", "{{ account }}", "{{ acount }}", "'acount' is undefined"),
        (
            "password_change/body.html",
            "{{ subject }}",
            "{{ subjet }}",
            "'subjet' is undefined",
        ),
        ("password_change/subject.txt", '"reset" -%}', '"reset" - -%}', "unexpected"),
        ("_layout/layout.html", "{{ instance }}", "{{ instanze }}", "'instanze' is undefined"),
    ],
)
def test_a_mistake_is_shown_with_its_file_and_line(  # noqa: PLR0917 - a row of the table
    gallery: Gallery, folder: Path, edit: Edit, name: str, before: str, after: str, text: str
) -> None:
    edit(name, before, after)
    found = fault(gallery)
    lines = (folder / name).read_text(encoding="utf-8").splitlines()
    number = next(number for number, line in enumerate(lines, start=1) if after in line)
    assert text in found.text
    assert found.place == f"{folder / name}, line {number}"
    assert after in found.excerpt


def test_a_mistake_without_a_line_of_its_own_names_the_template(
    gallery: Gallery, edit: Edit
) -> None:
    edit("password_change/subject.txt", "{%- endif %}", "")
    assert "endif" in fault(gallery).text
    assert "subject.txt" in fault(gallery).place


def test_a_catalogue_that_cannot_be_read_is_named(gallery: Gallery, folder: Path) -> None:
    (folder / "locale" / "de.po").write_text('msgid "x\n', encoding="utf-8")
    assert "de.po" in fault(gallery).text


def test_a_missing_part_is_named(gallery: Gallery, folder: Path) -> None:
    shutil.copytree(folder / "password_change", folder / "unfinished")
    (folder / "unfinished" / "body.txt").unlink()
    assert "unfinished/body.txt is missing" in fault(gallery).text


def test_where_nothing_is_set_there_are_examples() -> None:
    look = Look.of(Settings())
    assert look.contact == DEMO_CONTACT
    assert look.examples == ("DISPATCHER_MAIL_FROM", "DISPATCHER_CONTACT")
    own = Look.of(Settings(mail_from="Acme <a@acme.example>", contact="+1 555 0100"))
    assert (own.sender, own.examples) == ("Acme <a@acme.example>", ())


@pytest.mark.parametrize("wrong", [{"mail_from": "nobody"}, {"contact": "call us"}])
def test_a_sender_or_contact_that_cannot_work_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Look.of(Settings(**wrong))


@pytest.mark.parametrize(
    ("scheme", "decided"), [("dark", "(min-width: 0)"), ("light", "(max-width: 0)")]
)
def test_a_mails_night_is_ours_to_decide(scheme: str, decided: str) -> None:
    page = "<html><head><style>@media ( prefers-color-scheme:dark ) and (width: 1px) {}</style>"
    shown = in_scheme(page, scheme)
    assert f"@media {decided} and (width: 1px)" in shown
    assert f"color-scheme:{scheme} !important" in shown
