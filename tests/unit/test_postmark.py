"""The postmark: what it proves, and to whom."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.message import fingerprint
from dispatcher.postmark import LENGTH, Postmark, event_tag, find_postmarks, org_tag, postmark

KEY = b"0123456789abcdef"
ADA = fingerprint(KEY, "ada@example.org")


def mark(org: str = "acme", event: str = "evt-1", recipient: str = ADA) -> str:
    return postmark(KEY, org_id=org, event_id=event, template="t", recipient=recipient)


def read(text: str) -> Postmark:
    found = Postmark.read(text)
    assert found is not None
    return found


def test_a_postmark_tells_recipient_organization_and_event_by_their_tags() -> None:
    found = read(mark())
    assert found.recipient == ADA
    assert found.org == org_tag(KEY, "acme")
    assert found.event == event_tag(KEY, "acme", "evt-1", "t")


def test_a_postmark_is_genuine_for_its_organization_only() -> None:
    assert read(mark()).genuine(KEY, "acme")
    assert not read(mark()).genuine(KEY, "globex")
    assert not read(mark()).genuine(b"x" * 16, "acme")


def test_a_postmark_survives_a_change_of_case() -> None:
    assert read(mark().upper()) == read(mark())


@given(at=st.integers(0, LENGTH - 1), other=st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_a_postmark_with_any_character_changed_is_not_genuine(at: int, other: str) -> None:
    genuine = mark()
    forged = genuine[:at] + other + genuine[at + 1 :]
    assert read(forged).genuine(KEY, "acme") == (forged == genuine)


@pytest.mark.parametrize("text", ["", "x", "a" * 40, "0" * LENGTH, "a" * 56, "ä" * LENGTH])
def test_other_text_is_no_postmark(text: str) -> None:
    assert Postmark.read(text) is None


def test_postmarks_are_found_in_headers_and_addresses() -> None:
    text = f"<{mark()}@acme.example> bounces+{mark(event='evt-2').upper()}@acme.example"
    assert list(find_postmarks(text)) == [read(mark()), read(mark(event="evt-2"))]


@given(st.text())
def test_nothing_that_is_searched_raises(text: str) -> None:
    assert not any(found.genuine(KEY, "acme") for found in find_postmarks(text))
