"""The names that are derived from an event."""

import re

from dispatcher.message import fingerprint, message_id

KEY = b"0123456789abcdef"


ADA, EVE = fingerprint(KEY, "ada@example.org"), fingerprint(KEY, "eve@example.org")


def named(
    org: str = "acme",
    event: str = "evt-1",
    template: str = "t",
    recipient: str = ADA,
    key: bytes = KEY,
) -> str:
    return message_id(
        key,
        org_id=org,
        event_id=event,
        template=template,
        recipient=recipient,
        domain="acme.example",
    )


def test_the_message_id_of_an_event_is_always_the_same() -> None:
    assert named() == named()
    assert re.fullmatch(r"<[a-z2-7]{48}@acme\.example>", named())


def test_organization_event_template_and_recipient_each_make_another_message_id() -> None:
    others = named(org="b"), named(event="evt-2"), named(template="u"), named(recipient=EVE)
    assert len({named(), *others}) == 5


def test_a_message_id_does_not_tell_the_event_id() -> None:
    other = named(key=b"x" * 16)
    assert other != named()
    assert "evt" not in named()


def test_a_fingerprint_is_the_same_however_the_address_is_spelt() -> None:
    assert fingerprint(KEY, "Ada@Example.org") == fingerprint(KEY, "ada@example.org")
    assert re.fullmatch("[0-9a-f]{16}", fingerprint(KEY, "ada@example.org"))


def test_another_key_makes_another_fingerprint() -> None:
    assert fingerprint(KEY, "ada@example.org") != fingerprint(b"x" * 16, "ada@example.org")
