"""Mails in their organization's look: its words and colours, and never more than that."""

import email
import email.policy
import re
from dataclasses import replace
from time import thread_time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.adapters.mail.dressing import COLOURS, SLOTS, kinds
from dispatcher.adapters.mail.templates import default_folder
from dispatcher.branding import ACCENT, INK, SURFACES, Branding
from dispatcher.errors import ConfigError, InvalidLook, RenderError
from dispatcher.look import Look
from dispatcher.message import Message
from dispatcher.texts import LARGEST, ONE_LINE, reworded
from dispatcher.triggers import discover
from tests.builders import a_logo
from tests.unit.adapters.mail.mails import Seen, a_draft, a_renderer, read

KINDS = kinds(discover())
KNOWN = KINDS["password_change"]
WORDS = {
    "title": "A title for {{ name }}",
    "pre_header": "Ahead",
    "subject": "Your {{ organization }} password",
    "greeting": "Dear {{ name }},",
    "text": "It was changed.\n\nOn {{ occurred_at }}{% if ip %} from {{ ip }}{% endif %}.",
    "button_text": "Call us",
    "footer_text": "Sent to {{ account }}",
}
FULL = Branding(
    "Acme & Sons", "de", "#00ff88", "#101020", "#fafafa", "Acme <Ltd>\nLondon", a_logo()
)


def _look(
    words: dict[str, str] | None = None, branding: Branding | None = None, language: str = "en"
) -> Look:
    wording = reworded({}, dict(words or {}), KNOWN)
    texts = {("password_change", language): wording} if wording else {}
    return Look("acme", branding or Branding(), texts, 1)


def _render(look: Look | None, **draft: Any) -> Message:
    renderer = a_renderer(contact="security@acme.example")
    return renderer.render(replace(a_draft(**draft), look=look))


def _see(look: Look, **draft: Any) -> Seen:
    return read(_flat(_render(look, **draft)))


def _flat(message: Message) -> Message:
    """Return a message whose HTML part is not within another."""
    content = re.sub(
        rb'\r\nContent-Type: multipart/related;[^\r]*\r\n boundary="([^"]*)"\r\n\r\n--\1'
        rb"(.*?)\r\n--\1.*?\r\n--\1--",
        rb"\2",
        message.content,
        flags=re.DOTALL,
    )
    return replace(message, content=content)


def test_an_organizations_words_stand_where_the_templates_did() -> None:
    seen = _see(_look(WORDS))
    assert seen.mail["Subject"] == "Your acme password"
    assert seen.text.startswith("A title for Ada Lovelace\n\nDear Ada Lovelace,\n\nIt was changed.")
    for said in ("It was changed.", "from 203.0.113.42.", "Call us", "Sent to ada.lovelace"):
        assert said in seen.text
        assert said in seen.shown
    assert "Ahead" in seen.shown.partition("A title")[0]
    for gone in ("Hello", "was sent automatically", "Your previous password"):
        assert gone not in seen.text + seen.shown


def test_what_protects_people_stays_whatever_the_words() -> None:
    seen = _see(_look(WORDS, FULL))
    for kept in ("Account", "Time", "If this was not you", "security@acme.example"):
        assert kept in seen.text
        assert kept in seen.shown


def test_words_count_in_their_language_only() -> None:
    seen = _see(_look(WORDS), locale="de")
    assert "A title" not in seen.text + seen.shown
    assert seen.mail["Content-Language"] == "de"


def test_the_organizations_language_is_for_readers_whose_own_is_unknown() -> None:
    look = _look(branding=Branding(language="de"))
    assert _see(look, locale=None).mail["Content-Language"] == "de"
    assert _see(look, locale="fr").mail["Content-Language"] == "fr"


def test_words_that_come_to_nothing_leave_the_templates_own() -> None:
    seen = _see(_look({"greeting": "{% if place %}{% else %}Hi{% endif %}", "subject": "{{ ip }}"}))
    assert "Hello Ada Lovelace," in seen.text
    assert seen.mail["Subject"] == "203.0.113.42"


def test_a_branding_names_colours_and_signs_the_mail() -> None:
    seen = _see(_look(branding=FULL))
    assert "Organization: Acme & Sons" in seen.text
    assert seen.text.rstrip().endswith("Acme <Ltd>\nLondon")
    assert seen.shown.endswith("Acme <Ltd> London")
    for colour in ("#00ff88", "#101020", "#fafafa"):
        assert colour in seen.html
    for usual in (*SURFACES[1:], INK, ACCENT):
        assert usual not in seen.html.partition("</style>")[2].replace("</head>", "")


def test_a_look_without_colours_leaves_the_templates_colours() -> None:
    dressed, plain = _see(_look(branding=Branding("Acme"))), read(_render(None))
    same = re.compile(r"Acme Security|Acme|acme")
    assert same.sub("", dressed.html) == same.sub("", plain.html)


@pytest.mark.parametrize(
    ("detail", "label", "value"),
    [
        ("ip", "IP address", "203.0.113.42"),
        ("place", "Approximate place", "Vienna"),
        ("device", "Device", "Firefox"),
    ],
)
def test_a_detail_that_is_not_told_is_nowhere_in_the_mail(
    detail: str, label: str, value: str
) -> None:
    told: Any = {detail: False}
    kept = replace(Branding(), **told)
    seen = _see(_look({"text": f"From {{{{ {detail} }}}}."}, kept))
    for gone in (label, value):
        assert gone not in seen.text + seen.html
    assert "From ." in seen.text
    assert value in _see(_look(branding=Branding("Acme"))).text


def test_a_logo_travels_inside_the_mail_and_nothing_is_fetched() -> None:
    mail = read(_flat(_render(_look(branding=FULL))))
    (source,) = mail.remote
    message = _render(_look(branding=FULL))
    parsed = _parts(message)
    assert [part for part, _ in parsed] == [
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
    ]
    logo = parsed[-1][1]
    assert source == f"cid:{logo['Content-ID'][1:-1]}"
    assert FULL.logo is not None
    assert logo.get_content() == FULL.logo.content
    assert 'alt="Acme &amp; Sons"' in mail.html.replace("&#38;", "&amp;")
    assert all(not part.defects for _, part in parsed)


def _parts(message: Message) -> list[tuple[str, Any]]:
    parsed = email.message_from_bytes(message.content, policy=email.policy.default)
    return [(part.get_content_type(), part) for part in parsed.walk()]


HOSTILE = st.one_of(
    st.text(max_size=80),
    st.sampled_from(
        [
            "{{ 7*7 }}",
            "{% if %}",
            "<script>alert(1)</script>",
            "a\r\nBcc: x@y",
            "--=_x",
            "]]>",
            "{#",
        ]
    ),
)


@settings(deadline=None, max_examples=60)
@given(
    name=HOSTILE,
    place=HOSTILE,
    words=st.fixed_dictionaries({}, optional={each: st.text(max_size=60) for each in LARGEST}),
)
def test_hostile_names_and_words_add_no_header_no_part_and_no_element(
    name: str, place: str, words: dict[str, str]
) -> None:
    try:
        look = _look({key: f"{text}|{{{{ name }}}}" for key, text in words.items()}, FULL)
    except InvalidLook:
        return
    draft = {"name": name, "place": place}
    message, usual = _render(look, **draft), _render(_look(branding=FULL), name="A", place="B")
    parts, expected = _parts(message), _parts(usual)
    assert [kind for kind, _ in parts] == [kind for kind, _ in expected]
    assert [part.keys() for _, part in parts] == [part.keys() for _, part in expected]
    tags = [tag for tag in read(_flat(message)).tags if tag not in {"br", "bdi", "tr", "th", "td"}]
    assert tags == [
        tag for tag in read(_flat(usual)).tags if tag not in {"br", "bdi", "tr", "th", "td"}
    ]


@settings(deadline=None, max_examples=60)
@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=60))
def test_what_an_organization_writes_comes_back_unchanged(words: str) -> None:
    literal = words.replace("{", "(")
    seen = _see(_look({"greeting": literal, "subject": literal}))
    assert seen.mail["Subject"] == literal
    assert literal in seen.text.replace("\n", "")
    assert literal in seen.shown


def test_a_kind_of_mail_that_there_is_no_template_for_is_said_to_be_missing() -> None:
    draft = replace(a_draft(), template="birthday", look=_look(branding=FULL))
    with pytest.raises(RenderError, match="there is no template folder birthday"):
        a_renderer().render(draft)


def test_every_kind_of_mail_has_every_slot() -> None:
    folder = default_folder()
    for kind in KINDS:
        for part in ("html", "txt"):
            files = [folder / kind / f"body.{part}", *(folder / "_layout").glob("*")]
            body = "".join(path.read_text() for path in files)
            assert set(re.findall(r"\{# slot (\w+) #\}", body)) == SLOTS
            assert body.count("{# slot ") == body.count("{# end #}")


def test_the_stylesheet_leaves_open_just_the_colours_there_are() -> None:
    folder = default_folder()
    css = (folder / "_layout/mail.css").read_text() + (folder / "_layout/layout.html").read_text()
    found = dict(re.findall(r"var\(--(\w+), (#\w+)\)", css))
    assert set(found) == COLOURS
    assert (found["ink"], found["accent"]) == (INK, ACCENT)
    assert {found[each] for each in ("page", "card", "panel", "notice")} == set(SURFACES)


@pytest.mark.parametrize(
    ("file", "text", "mistake"),
    [
        ("other/body.html", "{# slot planet #}a{# end #}", "no template can have a slot planet"),
        (
            "_layout/mail.css",
            ".page { color: var(--planet, #fff) }",
            "no stylesheet can leave --planet open",
        ),
    ],
)
def test_an_operators_slot_that_nothing_fills_is_found_at_start(
    tmp_path: Any, file: str, text: str, mistake: str
) -> None:
    for name in ("other/subject.txt", "other/body.txt", "other/body.html", file):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("a")
    (tmp_path / file).write_text(text)
    with pytest.raises(ConfigError, match=mistake):
        a_renderer(tmp_path)


def test_every_value_of_every_kind_of_mail_can_be_shown() -> None:
    for kind, names in KINDS.items():
        words = {"text": " ".join(f"{name}={{{{ {name} }}}}" for name in sorted(names))}
        look = Look("acme", texts={(kind, "en"): reworded({}, dict(words), names)}, sequence=1)
        draft = replace(a_draft(), template=kind, look=look)
        seen = read(a_renderer(contact="security@acme.example").render(draft))
        assert "name=Ada Lovelace" in seen.shown
        assert "contact=security@acme.example" in seen.shown


BRANCHES = dict.fromkeys(LARGEST, "{%if name%}{{ip}}{%endif%}" * 14)


@pytest.mark.parametrize(
    "worst",
    [
        BRANCHES | {"footer_text": "<&" * 1_000},
        {"text": "a " * 20_000},
        {"text": "a\n" * 7_000},
        {"text": "\N{LEFT CORNER BRACKET}" * 7_000},
        {"text": "(" * 40_000, "subject": "\N{CJK UNIFIED IDEOGRAPH-4E2D}" * 600},
    ],
    ids=["branches", "words", "lines", "brackets", "no break"],
)
def test_the_worst_words_that_can_be_set_are_rendered_within_100_ms(worst: dict[str, str]) -> None:
    look, other = _look(worst, FULL), _look(branding=FULL)
    _render(other)
    started = thread_time()
    _render(look)
    assert thread_time() - started < 0.1


def test_a_text_that_is_no_phrase_any_more_leaves_the_templates_own() -> None:
    broken = Look("acme", texts={("password_change", "en"): {"greeting": "{% for %}"}})
    assert "Hello Ada Lovelace," in _see(broken).text


def test_one_line_texts_are_those_that_stand_in_one() -> None:
    assert set(LARGEST) - ONE_LINE == {"text", "footer_text"}
