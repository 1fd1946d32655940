"""The mail: what it says, to whom, in which form."""

from dataclasses import replace
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from itertools import product
from pathlib import Path

import pytest

from dispatcher.adapters.mail.renderer import Contact, MailRenderer
from dispatcher.adapters.mail.templates import LARGEST, default_folder
from dispatcher.errors import ConfigError, RenderError, SenderUnreadable
from dispatcher.events import ActorKind, Change, Context, Recipient
from dispatcher.message import Draft
from dispatcher.sender import Sender
from tests.builders import NOON, StandingClock
from tests.unit.adapters.mail.mails import (
    ADDRESS,
    LANGUAGES,
    SECRET,
    a_draft,
    a_renderer,
    read,
    see,
)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_variant_in_every_language_is_a_small_whole_mail(language: str) -> None:
    for change, actor in product(Change, ActorKind):
        context = Context(place="Wien", client="App") if actor is ActorKind.USER else Context()
        seen = see(locale=language, change=change, actor=actor, context=context)
        assert 0 < len(seen.mail["Subject"]) <= 70
        assert seen.mail["Content-Language"] == language
        assert seen.mail["Subject"] in seen.shown
        assert "security@acme.example" in seen.text
        assert "ada.lovelace" in seen.text
        assert len(seen.html.encode()) < 30_000
        assert all(len(line) <= 78 for line in seen.text.splitlines())
        for unfilled in ("{{", "{%", "%(", "None"):
            assert unfilled not in seen.text
            assert unfilled not in seen.html


def test_each_way_a_password_changes_has_its_own_words() -> None:
    shown = {change: see(change=change) for change in Change}
    assert len({seen.text for seen in shown.values()}) == len(Change)
    assert shown[Change.ADMIN_RESET].mail["Subject"] == "An administrator reset your password"
    assert "temporary password" in shown[Change.TEMPORARY].text
    assert "If you expected this" in shown[Change.TEMPORARY].text
    assert "If this was you" in shown[Change.CHANGE].text


def test_both_parts_say_what_happened_when_from_where_and_who_did_it() -> None:
    seen = see()
    for said in (
        "Hello Ada Lovelace,",
        "November 24, 2026, 12:00 PM UTC",
        "ada.lovelace",
        "acme",
        "203.0.113.42",
        "Vienna, Austria",
        "Firefox (Linux)",
        "Account portal",
        "you, or someone signed in as you",
        "there is nothing you need to do",
    ):
        assert said in seen.text
        assert said in seen.shown


def test_what_is_not_known_is_not_shown() -> None:
    seen = see(context=Context(), actor=ActorKind.UNKNOWN, name=None)
    for label in ("IP address", "Device", "Application", "Approximate place", "Done by"):
        assert label not in seen.text
        assert label not in seen.shown
    assert seen.text.startswith("Hello,\n")


def test_an_account_without_a_login_name_goes_by_the_address() -> None:
    assert f"Account: {ADDRESS}" in see(login_name=None).text


def test_the_mail_holds_no_remote_content_and_no_link_but_the_contact() -> None:
    seen = see()
    assert seen.links == ["mailto:security@acme.example"]
    assert seen.remote == []
    assert not {"img", "script", "link", "form", "iframe"} & set(seen.tags)


def test_without_a_contact_the_mail_sends_people_to_their_administrator() -> None:
    seen = read(a_renderer().render(a_draft()))
    assert "tell the administrator of your organization" in seen.text
    assert seen.links == []
    assert seen.mail["Reply-To"] is None


@pytest.mark.parametrize(
    ("contact", "link"),
    [
        ("security@acme.example", "mailto:security@acme.example"),
        ("+43 (1) 234-567", "tel:+431234567"),
        ("https://acme.example/help", ""),
        ("", ""),
    ],
)
def test_a_contact_is_an_address_a_phone_number_a_page_or_nothing(contact: str, link: str) -> None:
    assert Contact.parse(contact).link == link
    assert contact in read(a_renderer(contact=contact).render(a_draft())).text


@pytest.mark.parametrize(
    "contact",
    [
        "http://acme.example",
        "https://acme.example/?token=1",
        "the desk",
        "a@b, c@d",
        "javascript:x",
    ],
)
def test_any_other_contact_is_refused_at_start(contact: str) -> None:
    with pytest.raises(ConfigError, match="contact"):
        Contact.parse(contact)


@pytest.mark.parametrize(
    "sender", ["", "Acme", "a@b.example, c@d.example", "A <a@b> <c@d>", "A\n<a@b>"]
)
def test_a_sender_that_is_not_one_mailbox_is_refused_at_start(sender: str) -> None:
    with pytest.raises(ConfigError):
        MailRenderer.load(sender=sender, secret=SECRET, clock=StandingClock())


def test_the_headers_are_those_of_an_automatic_message() -> None:
    message = a_renderer(contact="security@acme.example").render(a_draft())
    mail = read(message).mail
    assert mail["From"] == "Acme Security <no-reply@acme.example>"
    assert mail["To"] == "Ada Lovelace <ada@example.org>"
    assert mail["Reply-To"] == "security@acme.example"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Auto-Response-Suppress"] == "All"
    assert mail["MIME-Version"] == "1.0"
    assert mail["List-Unsubscribe"] is None
    assert mail["Message-ID"] == message.id
    assert message.id.endswith("@acme.example>")
    assert (parsedate_to_datetime(mail["Date"]) - NOON).total_seconds() == 1.0
    assert (message.sender, message.recipient) == ("no-reply@acme.example", ADDRESS)
    assert not message.smtputf8


def test_the_same_event_has_the_same_bytes_and_another_has_another_id() -> None:
    renderer, draft = a_renderer(), a_draft()
    other = Draft(draft.template, draft.org_id, "evt-2", draft.recipient, draft.facts)
    assert renderer.render(draft) == renderer.render(draft)
    assert renderer.render(other).id != renderer.render(draft).id


@pytest.mark.parametrize("locale", LANGUAGES)
def test_the_wire_form_is_seven_bit_with_short_lines_that_end_in_crlf(locale: str) -> None:
    content = a_renderer().render(a_draft(locale=locale, name="Jürgen 山田 🦊")).content
    assert content.isascii()
    assert content.count(b"\r\n") == content.count(b"\n") == content.count(b"\r")
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert b"\0" not in content


def test_arabic_is_written_from_right_to_left() -> None:
    html = see(locale="ar").html
    assert '<html lang="ar" dir="rtl">' in html
    assert 'align="left"' not in html
    assert 'dir="ltr"' in see(locale="de").html


def test_a_names_own_direction_does_not_turn_its_greeting_round() -> None:
    seen = see(locale="he", name="<Ada> (x)")
    assert "<bdi>&lt;Ada&gt; (x)</bdi>" in seen.html
    assert "שלום <Ada> (x)," in seen.text


@pytest.mark.parametrize(
    ("locale", "line"),
    [
        ("en", "Account: ada.lovelace"),
        ("fr", "Compte\u00a0: ada.lovelace"),
        ("ja", "アカウント\uff1aada.lovelace"),
        ("zh-TW", "帳戶\uff1aada.lovelace"),
    ],
)
def test_labels_end_as_the_language_has_it(locale: str, line: str) -> None:
    assert f"  {line}\n" in see(locale=locale).text


def test_an_unknown_language_falls_back_to_the_default() -> None:
    renderer = a_renderer(default_locale="de")
    assert read(renderer.render(a_draft(locale="tlh"))).mail["Content-Language"] == "de"


def test_the_instance_has_the_senders_name_unless_it_is_given_one() -> None:
    assert "Acme Security" in read(a_renderer().render(a_draft())).shown
    assert "Login & Co" in read(a_renderer(instance_name="Login & Co").render(a_draft())).shown
    bare = a_renderer(sender="no-reply@bücher.example")
    assert "xn--bcher-kva.example" in read(bare.render(a_draft())).shown


def test_only_a_local_part_beyond_ascii_needs_smtputf8() -> None:
    renderer = a_renderer()
    domain = renderer.render(a_draft(address="ada@bücher.example"))
    assert (domain.recipient, domain.smtputf8) == ("ada@xn--bcher-kva.example", False)
    local = renderer.render(a_draft(address="josé@bücher.example"))
    assert (local.recipient, local.smtputf8) == ("josé@xn--bcher-kva.example", True)
    assert "josé@xn--bcher-kva.example".encode() in local.content


@pytest.mark.parametrize(
    "draft",
    [
        Draft("no_such_mail", "acme", "evt-1", Recipient(ADDRESS), {}),
        Draft("password_change", "acme", "evt-1", Recipient(ADDRESS), {}),
        Draft("password_change", "acme", "evt-1", Recipient("a@b, c@d"), {}),
    ],
    ids=["no template", "no facts", "two addresses"],
)
def test_what_cannot_be_rendered_is_a_render_error_without_an_address(draft: Draft) -> None:
    with pytest.raises(RenderError) as caught:
        a_renderer().render(draft)
    assert ADDRESS not in str(caught.value)


def _override(folder: Path, name: str, source: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)
    return folder


def test_an_operators_folder_comes_before_ours_file_by_file(tmp_path: Path) -> None:
    _override(tmp_path, "password_change/subject.txt", '{{ _("Hello,") }}\n  {{ account }}\n')
    _override(tmp_path, "locale/de.po", 'msgid "Hello,"\nmsgstr "Servus,"\n')
    seen = read(a_renderer(tmp_path).render(a_draft(locale="de", login_name="ada", name=None)))
    assert seen.mail["Subject"] == "Servus, ada"
    assert seen.text.startswith("Servus,\n")
    assert "Gerät" in seen.text


def test_an_operators_folder_can_add_a_kind_of_mail(tmp_path: Path) -> None:
    _override(tmp_path, "farewell/subject.txt", "Bye")
    _override(tmp_path, "farewell/body.txt", "Bye, {{ account }}.")
    _override(tmp_path, "farewell/body.html", "<h1>Bye, {{ account }}.</h1>")
    draft = Draft("farewell", "acme", "evt-1", Recipient(ADDRESS), {})
    seen = read(a_renderer(tmp_path).render(draft))
    assert seen.text.startswith(f"Bye, {ADDRESS}.\n\n-- \nThis message was sent")
    assert f"Bye, {ADDRESS}." in seen.shown
    assert "font-size:24px" in seen.html


@pytest.mark.parametrize("source", ["{% if %}", "{{ 'x'|nonsense }}", "{{ _(name) }}"])
def test_a_broken_template_stops_the_start_and_is_named(tmp_path: Path, source: str) -> None:
    _override(tmp_path, "password_change/subject.txt", source)
    with pytest.raises(ConfigError, match=r"password_change/subject\.txt, line 1"):
        a_renderer(tmp_path)


def test_a_kind_of_mail_without_its_text_stops_the_start(tmp_path: Path) -> None:
    _override(tmp_path, "farewell/body.html", "<p>Bye</p>")
    with pytest.raises(ConfigError, match=r"farewell/subject\.txt is missing"):
        a_renderer(tmp_path)


@pytest.mark.parametrize(
    "source",
    [
        "{{ nothing }}",
        "{{ account.__class__.__mro__ }}",
        "{{ account.format.__globals__ }}",
        "{{ self.__init__ }}",
        "{{ 1 // 0 }}",
        "{{ range(9) }}",
        "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}",
        f"{{{{ 'x' * {LARGEST + 1} }}}}",
    ],
)
def test_a_template_sees_plain_values_and_nothing_else(tmp_path: Path, source: str) -> None:
    _override(tmp_path, "password_change/body.txt", source)
    renderer = a_renderer(tmp_path)
    with pytest.raises(RenderError, match=r"password_change/body\.txt"):
        renderer.render(a_draft())


def test_lines_too_long_for_mail_are_folded_by_their_encoding(tmp_path: Path) -> None:
    long = "word " * 400
    _override(tmp_path, "password_change/body.txt", long)
    _override(tmp_path, "password_change/body.html", f"<p>{long}ü</p>")
    message = a_renderer(tmp_path).render(a_draft())
    assert max(map(len, message.content.split(b"\r\n"))) <= 998
    assert long.strip() in read(message).text
    assert f"{long}ü" in read(message).shown


def test_the_shipped_templates_are_found() -> None:
    assert (default_folder() / "password_change" / "subject.txt").is_file()


def _as_sent_by(sender: Sender) -> EmailMessage:
    renderer = a_renderer(contact="security@acme.example")
    return read(renderer.render(replace(a_draft(), sender=sender))).mail


def test_an_organizations_mail_shows_its_own_sender_everywhere_and_nobody_elses() -> None:
    sender = Sender("globex", "Globex <no-reply@globex.example>", "help@globex.example")
    message = a_renderer().render(replace(a_draft(), sender=sender))
    mail = read(message).mail
    assert message.sender == "no-reply@globex.example"
    assert (mail["From"], mail["Reply-To"]) == (
        "Globex <no-reply@globex.example>",
        "help@globex.example",
    )
    assert mail["Message-ID"].endswith("@globex.example>")
    assert b"Globex" in message.content.partition(b"\r\n\r\n")[2]
    assert b"Acme" not in message.content


def test_what_an_organization_leaves_open_is_the_instances() -> None:
    mail = _as_sent_by(Sender("globex", reply_to="help@globex.example"))
    assert mail["From"] == "Acme Security <no-reply@acme.example>"
    assert mail["Reply-To"] == "help@globex.example"
    named = _as_sent_by(Sender("globex", "no-reply@globex.example"))
    assert (named["From"], named["Reply-To"]) == (
        "no-reply@globex.example",
        "security@acme.example",
    )
    plain = _as_sent_by(Sender("globex", relays="smtp://mail.globex.example"))
    assert plain["From"] == "Acme Security <no-reply@acme.example>"


@pytest.mark.parametrize(
    "sender", [Sender("globex", "nobody"), Sender("globex", reply_to="nobody at all")]
)
def test_a_stored_sender_that_cannot_be_used_is_not_replaced_by_the_instances(
    sender: Sender,
) -> None:
    with pytest.raises(SenderUnreadable):
        a_renderer().render(replace(a_draft(), sender=sender))
