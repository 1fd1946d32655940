"""DKIM: another program verifies what we sign, and nothing signed can be changed."""

import re
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from dkim.canonicalization import Relaxed
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dispatcher.adapters.mail.dkim import Signers, canonical_body
from dispatcher.adapters.mail.dkim_keys import (
    DkimKeys,
    new_key,
    record_name,
    tags,
    write_key,
    zone_line,
)
from dispatcher.errors import ConfigError
from dispatcher.message import Message
from dispatcher.sender import Sender
from tests.builders import StandingClock
from tests.unit.adapters.mail.mails import SECRET, a_draft, a_renderer
from tests.unit.adapters.mail.test_mail_hostility import HOSTILE

LANGUAGES = ("en", "de", "ar", "ja", "he", "zh")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a key of each kind."""
    folder = tmp_path_factory.mktemp("keys")
    for kind in ("rsa", "ed25519"):
        write_key(new_key(kind), folder / f"{kind}.pem")
    return folder


@pytest.fixture(scope="module")
def setting(folder: Path) -> str:
    """Return a setting with both keys for one domain."""
    return f"acme.example:r1={folder}/rsa.pem, acme.example:e1={folder}/ed25519.pem"


def _dns(keys: DkimKeys) -> Callable[..., bytes]:
    records = {f"{key.name}.".encode(): key.record.encode() for key in keys.keys}
    return lambda name, timeout=5: records.get(name, b"")  # noqa: ARG005 - dkimpy's signature


def verified(content: bytes, keys: DkimKeys) -> list[bool]:
    """Return what dkimpy says of each signature."""
    number = len(re.findall(rb"(?mi)^dkim-signature:", content))
    return [_verified(content, each, keys) for each in range(number)]


def _verified(content: bytes, number: int, keys: DkimKeys) -> bool:
    try:
        return bool(dkim.DKIM(content).verify(idx=number, dnsfunc=_dns(keys)))
    except dkim.ValidationError:  # the body's digest is another one
        return False


def rendered(setting: str, **draft: Any) -> Message:
    return a_renderer(dkim_keys=setting).render(a_draft(**draft))


@pytest.mark.parametrize("locale", LANGUAGES)
def test_another_program_verifies_both_signatures_of_every_mail(setting: str, locale: str) -> None:
    message = rendered(setting, locale=locale)
    assert verified(message.content, DkimKeys.read(setting)) == [True, True]


@settings(max_examples=30)
@given(name=HOSTILE, place=HOSTILE)
@example(name="  two  spaces\t", place="end ")
def test_no_value_breaks_a_signature(setting: str, name: str, place: str) -> None:
    message = rendered(setting, name=name, login_name=place)
    assert verified(message.content, DkimKeys.read(setting)) == [True, True]


@given(st.lists(st.sampled_from([b" ", b"\t", b"\r\n", b"x", b".", b"=20"])).map(b"".join))
def test_bodies_are_in_the_form_in_which_others_hash_them(body: bytes) -> None:
    assert canonical_body(body) == Relaxed.canonicalize_body(body)


@pytest.mark.parametrize(
    "change",
    [
        (b"Subject: ", b"Subject: Not "),
        (b"Date: ", b"Date: x"),
        (b"Hello Ada", b"Hello Bob"),
        (b"From: ", b"From: evil@example.com\r\nFrom: "),
        (b"Date: ", b"Reply-To: evil@example.com\r\nDate: "),
        (b"Date: ", b"Content-Type: text/plain\r\nDate: "),
        (b"Date: ", b"Subject: another\r\nDate: "),
    ],
    ids=str,
)
def test_nothing_signed_can_be_changed_nor_said_twice(
    setting: str, change: tuple[bytes, bytes]
) -> None:
    content = rendered(setting).content
    assert change[0] in content
    keys = DkimKeys.read(setting)
    assert verified(content.replace(*change, 1), keys) == [False, False]


def test_the_signature_lines_are_short_and_ascii(setting: str) -> None:
    head = rendered(setting).content.partition(b"\r\nFrom:")[0]
    assert head.isascii()
    assert max(map(len, head.split(b"\r\n"))) <= 78


def test_without_keys_of_the_domain_a_mail_stays_as_it_is(setting: str) -> None:
    plain = a_renderer().render(a_draft())
    other = a_renderer(sender="X <x@other.example>", dkim_keys=setting).render(a_draft())
    assert b"DKIM-Signature" not in plain.content + other.content
    assert Signers((), StandingClock()).sign(plain) is plain


def test_one_organizations_key_signs_no_other_organizations_mail(folder: Path) -> None:
    setting = f"globex@globex.example:s1={folder}/rsa.pem,acme.example:s1={folder}/rsa.pem"

    def signed(org_id: str, mail_from: str) -> bytes:
        sender = Sender(org_id, mail_from)
        draft = a_draft()
        mail = a_renderer(dkim_keys=setting).render(replace(draft, org_id=org_id, sender=sender))
        return b"".join(re.findall(rb"; d=([a-z.]+);", mail.content))

    assert signed("globex", "G <no-reply@globex.example>") == b"globex.example"
    assert signed("evil", "G <no-reply@globex.example>") == b""
    assert signed("evil", "A <no-reply@acme.example>") == b""
    assert signed("globex", "") == b"acme.example"


def test_a_new_key_is_its_owners_alone_and_never_overwrites_another(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    write_key(new_key("ed25519"), path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(ConfigError, match="is there already"):
        write_key(new_key("ed25519"), path)
    with pytest.raises(ConfigError, match="No such file"):
        write_key(new_key("ed25519"), tmp_path / "absent" / "key.pem")


def test_a_record_is_split_into_strings_that_dns_takes(setting: str) -> None:
    rsa, ed25519 = DkimKeys.read(setting).keys
    assert rsa.name == record_name("acme.example", "r1") == "r1._domainkey.acme.example"
    line = zone_line(rsa.name, rsa.record)
    strings = re.findall(r'"([^"]*)"', line)
    assert all(len(each) <= 255 for each in strings)
    assert "".join(strings) == rsa.record
    assert tags(ed25519.record)["k"] == "ed25519"
    assert len(tags(ed25519.record)["p"]) == 44


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("acme.example", "expected domain:selector=file entries"),
        ("acme.example:=x", "expected domain:selector=file entries"),
        ("acme example:s1=x", "expected domain:selector=file entries"),
        ("acme.example:s1=/absent.pem", "/absent.pem: No such file"),
        ("acme.example:s1=/dev/null", "/dev/null: expected a private key in PEM"),
    ],
)
def test_says_which_entry_is_wrong(entry: str, expected: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        DkimKeys.read(entry)
    assert expected in str(refusal.value)


def test_names_every_mistake_at_once() -> None:
    with pytest.raises(ConfigError, match=r"/a\.pem: .*; /b\.pem: "):
        DkimKeys.read("x.example:s=/a.pem,x.example:t=/b.pem")


def test_refuses_keys_that_are_too_short_or_locked(tmp_path: Path) -> None:
    short, locked = tmp_path / "short.pem", tmp_path / "locked.pem"
    weak = generate_private_key(65537, 1024)  # noqa: S505 - that is the point
    short.write_bytes(weak.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    lock = BestAvailableEncryption(b"x")
    locked.write_bytes(weak.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock))
    for path, expected in ((short, "at least 2048 bits"), (locked, "without a password")):
        with pytest.raises(ConfigError, match=expected):
            DkimKeys.read(f"x.example:s={path}")


def test_the_secret_is_in_no_representation(setting: str) -> None:
    shown = repr(DkimKeys.read(setting))
    assert "PRIVATE" not in shown
    assert SECRET.decode() not in shown
