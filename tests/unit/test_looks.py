"""Organizations' looks: the service, its texts, and the JSON it is spoken to in."""

import asyncio
from base64 import b64encode
from collections.abc import Awaitable
from dataclasses import replace
from typing import TypeVar

import pytest

from dispatcher.adapters.store.memory_looks import MemoryLookStore
from dispatcher.branding import Branding, BrandingChange
from dispatcher.errors import InvalidLook, LookNotFound
from dispatcher.look import Look
from dispatcher.look_wire import (
    branding_body,
    change_body,
    parse_branding,
    parse_texts,
    texts_body,
)
from dispatcher.looks import Looks
from dispatcher.texts import LARGEST, reworded
from tests.builders import NOON, StandingClock, a_logo, a_png

_T = TypeVar("_T")

MAIL, DE = "password_change", ("password_change", "de")
KNOWN = frozenset({"name", "ip"})


def _run(awaitable: Awaitable[_T]) -> _T:
    async def wait() -> _T:
        return await awaitable

    return asyncio.run(wait())


@pytest.fixture
def looks() -> Looks:
    kinds = {MAIL: KNOWN, "email_change": KNOWN}
    return Looks(MemoryLookStore(StandingClock()), kinds, {"de", "en", "fr"})


def test_whoever_has_no_look_is_told_so(looks: Looks) -> None:
    for nothing in (looks.get("acme"), looks.unbrand("acme"), looks.unword("acme")):
        with pytest.raises(LookNotFound):
            _run(nothing)


def test_branding_and_texts_are_set_and_given_back_apart(looks: Looks) -> None:
    assert _run(looks.brand("acme", BrandingChange(name="Acme", language="de"))).changed
    assert _run(looks.reword("acme", {DE: {"title": "Hallo"}})).changed
    assert not _run(looks.reword("acme", {DE: {"title": "Hallo"}})).changed
    look = _run(looks.get("acme"))
    assert (look.branding.name, look.sequence) == ("Acme", 2)
    assert look.texts == {DE: {"title": "Hallo"}}
    assert _run(looks.organizations()) == ["acme"]
    assert _run(looks.unbrand("acme")).look.texts == look.texts
    with pytest.raises(LookNotFound):
        _run(looks.unbrand("acme"))
    assert not _run(looks.reword("acme", {DE: {"title": None}})).look.is_set
    assert _run(looks.organizations()) == []


def test_texts_are_given_back_by_kind_and_language(looks: Looks) -> None:
    keys = [(kind, tag) for kind in (MAIL, "email_change") for tag in ("de", "en")]
    _run(looks.reword("acme", {key: {"title": "T"} for key in keys}))
    left = _run(looks.unword("acme", kind=MAIL, language="de")).look.texts
    assert sorted(left) == [("email_change", "de"), ("email_change", "en"), (MAIL, "en")]
    assert list(_run(looks.unword("acme", language="en")).look.texts) == [("email_change", "de")]
    with pytest.raises(LookNotFound):
        _run(looks.unword("acme", language="fr"))
    assert not _run(looks.unword("acme", kind="email_change")).look.texts


def test_where_one_text_is_wrong_none_is_set(looks: Looks) -> None:
    wrong = {DE: {"title": "{{ x }}", "other": "o"}, (MAIL, "en"): {"text": "fine"}}
    with pytest.raises(InvalidLook) as refused:
        _run(looks.reword("acme", wrong))
    assert "password_change, de: title: line 1, column 1: there is no value x" in str(refused.value)
    assert "other: there is no such text; there are title, " in str(refused.value)
    with pytest.raises(LookNotFound):
        _run(looks.get("acme"))


@pytest.mark.parametrize(
    ("key", "mistake"),
    [
        (("birthday", "de"), "no kind of mail 'birthday'; there are email_change, password_change"),
        ((MAIL, "tlh"), "no mail is written in 'tlh'; languages are de, en, fr"),
    ],
)
def test_no_text_is_kept_that_would_never_be_sent(
    looks: Looks, key: tuple[str, str], mistake: str
) -> None:
    with pytest.raises(InvalidLook, match=mistake):
        _run(looks.reword("acme", {key: {"title": "T"}}))


def test_a_branding_in_a_language_that_no_mail_is_in_is_refused(looks: Looks) -> None:
    with pytest.raises(InvalidLook, match="no mail is written in 'tlh'"):
        _run(looks.brand("acme", BrandingChange(language="tlh")))


def test_an_organization_may_fill_only_so_much_of_the_store(looks: Looks) -> None:
    tags = [f"t{number}" for number in range(8)]
    large = replace(looks, languages={*tags})
    with pytest.raises(InvalidLook, match="come to 320,000 bytes; at most 262,144"):
        _run(large.reword("acme", {(MAIL, tag): {"text": 40_000 * "a"} for tag in tags}))


@pytest.mark.parametrize("name", LARGEST)
def test_each_text_has_its_limit(name: str) -> None:
    largest = LARGEST[name]
    assert reworded({}, {name: "a" * largest}, KNOWN)[name]
    with pytest.raises(InvalidLook, match=f"{name}: has {largest + 1:,} bytes; at most"):
        reworded({}, {name: "a" * (largest + 1)}, KNOWN)


def test_texts_that_might_make_a_mail_too_large_are_refused() -> None:
    with pytest.raises(InvalidLook, match=r"come to .* bytes of a mail's HTML; .* shorten text"):
        reworded({}, {"text": "\N{CJK UNIFIED IDEOGRAPH-4E2D}" * 13_000, "title": "T"}, KNOWN)
    with pytest.raises(InvalidLook, match="at most 64,000: shorten text"):
        reworded({}, {"text": "{{ name }}" * 150}, KNOWN)


def test_texts_keep_the_order_of_the_mail() -> None:
    wording = reworded({"text": "a"}, {"title": "T", "subject": "S"}, KNOWN)
    assert list(wording) == ["title", "subject", "text"]


LOGO = b64encode(a_png()).decode()


@pytest.mark.parametrize(
    ("body", "change"),
    [
        ({"name": "Acme", "x": 1}, BrandingChange(name="Acme")),
        ({"primaryColor": "#fff", "font": None}, BrandingChange(primary="#fff", font="")),
        (
            {"primary": "#fff", "backgroundColor": "#000"},
            BrandingChange(None, None, "#fff", "#000"),
        ),
        ({"logo": LOGO}, BrandingChange(logo=a_png())),
        ({"logo": None}, BrandingChange(logo=b"")),
        ({"details": {"ip": False, "device": True}}, BrandingChange(ip=False, device=True)),
    ],
)
def test_a_body_says_what_changes_of_a_branding(body: object, change: BrandingChange) -> None:
    assert parse_branding(body) == change


@pytest.mark.parametrize(
    ("body", "mistake"),
    [
        (None, "expected a JSON object"),
        ({}, "changes nothing"),
        ({"title": "T"}, "changes nothing"),
        ({"name": 7}, "name: expected a string or null"),
        ({"fontColor": 7}, "fontColor: expected a string or null"),
        ({"font": "a", "fontColor": "a"}, "fontColor is set twice"),
        ({"logo": "<svg>"}, "logo: expected base64"),
        ({"details": []}, "changes nothing"),
        ({"details": [1]}, "expected a JSON object"),
        ({"details": {"ip": "no"}}, "details, ip: expected true or false"),
    ],
)
def test_a_body_that_says_nothing_of_a_branding_is_refused(body: object, mistake: str) -> None:
    with pytest.raises(InvalidLook, match=mistake) as refused:
        parse_branding(body)
    assert refused.value.id == "LOOK-invalid"


def test_a_body_says_which_texts_change() -> None:
    body = {"language": "de", "title": "T", "preHeader": None, "button_text": "B", "x": 1}
    assert parse_texts(body) == {DE: {"title": "T", "pre_header": "", "button_text": "B"}}
    other = {"language": "de", "kind": "email_change", "footerText": "F"}
    assert parse_texts(other) == {("email_change", "de"): {"footer_text": "F"}}


@pytest.mark.parametrize(
    ("body", "mistake"),
    [
        ("de", "expected a JSON object"),
        ({"title": "T"}, "expected a JSON object"),
        ({"language": "de", "kind": 1, "title": "T"}, "expected a JSON object"),
        ({"language": "de"}, "changes nothing"),
        ({"language": "de", "title": ["T"]}, "title: expected a string or null"),
    ],
)
def test_a_body_that_says_nothing_of_texts_is_refused(body: object, mistake: str) -> None:
    with pytest.raises(InvalidLook, match=mistake):
        parse_texts(body)


def test_a_look_as_json_says_null_for_the_instances() -> None:
    texts = {DE: {"pre_header": "P"}}
    look = Look("acme", Branding("Acme", logo=a_logo(), ip=False), texts, 3, NOON)
    assert branding_body(look.branding) == {
        "name": "Acme",
        "language": None,
        "primaryColor": None,
        "backgroundColor": None,
        "fontColor": None,
        "footer": None,
        "logo": {"type": "image/png", "width": 120, "height": 40, "size": len(a_png())},
        "details": {"ip": False, "place": True, "device": True},
    }
    assert texts_body(look) == [{"kind": MAIL, "language": "de", "preHeader": "P"}]
    assert change_body(look) == {
        "organization": "acme",
        "sequence": "3",
        "changeDate": "2026-11-24T12:00:00Z",
    }
    assert change_body(Look("acme"))["changeDate"] is None
    assert branding_body(Branding())["logo"] is None


def test_a_logo_goes_into_a_body_and_comes_out_of_it() -> None:
    assert parse_branding({"logo": b64encode(a_png()).decode()}).logo == a_png()
