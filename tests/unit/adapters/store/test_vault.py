"""The vault: what it seals opens where it belongs, with a key it has, and nowhere else."""

import base64

import pytest

from dispatcher.adapters.store.vault import Vault, new_key, parse_keys
from dispatcher.errors import ConfigError, SecretUnreadable

OLD, NEW = (parse_keys(new_key())[0] for _ in range(2))
SECRET = "smtp://user:p%40ss@relay.example:587"


def test_what_is_sealed_opens_in_its_own_context() -> None:
    vault = Vault([NEW])
    assert vault.unseal("acme", vault.seal("acme", SECRET)) == SECRET


def test_no_two_ciphertexts_are_alike_and_none_shows_the_secret() -> None:
    vault = Vault([NEW])
    first, second = vault.seal("acme", SECRET), vault.seal("acme", SECRET)
    assert first != second
    assert b"relay.example" not in first
    assert first.isascii()
    assert b"\t" not in first


def test_one_organizations_secret_does_not_open_in_anothers_record() -> None:
    vault = Vault([NEW])
    with pytest.raises(SecretUnreadable, match="belongs elsewhere"):
        vault.unseal("globex", vault.seal("acme", SECRET))


@pytest.mark.parametrize("at", [0, 12, 20, -1])
def test_a_changed_ciphertext_does_not_open(at: int) -> None:
    vault = Vault([NEW])
    mark, _, text = vault.seal("acme", SECRET).partition(b".")
    octets = bytearray(base64.urlsafe_b64decode(text))
    octets[at] ^= 1
    with pytest.raises(SecretUnreadable, match="was changed"):
        vault.unseal("acme", mark + b"." + base64.urlsafe_b64encode(bytes(octets)))


@pytest.mark.parametrize("sealed", [b"nonsense", b"", b".", b"\xff.x"])
def test_nonsense_does_not_open(sealed: bytes) -> None:
    vault = Vault([NEW])
    with pytest.raises(SecretUnreadable):
        vault.unseal("acme", sealed)
    with pytest.raises(SecretUnreadable):
        vault.unseal("acme", vault.newest.encode() + b"." + sealed)


def test_an_old_key_still_opens_and_the_newest_seals() -> None:
    sealed = Vault([OLD]).seal("acme", SECRET)
    both = Vault([NEW, OLD])
    assert both.unseal("acme", sealed) == SECRET
    assert not both.is_newest(sealed)
    resealed = both.seal("acme", SECRET)
    assert both.is_newest(resealed)
    assert Vault([NEW]).unseal("acme", resealed) == SECRET
    with pytest.raises(SecretUnreadable, match="DISPATCHER_ENCRYPTION_KEYS"):
        Vault([NEW]).unseal("acme", sealed)


def test_without_a_key_nothing_is_sealed_and_the_text_says_what_to_do() -> None:
    with pytest.raises(ConfigError, match="dispatcher key create"):
        Vault().seal("acme", SECRET)


def test_keys_are_read_newest_first_padded_or_not_and_fernets_too() -> None:
    padded = base64.urlsafe_b64encode(bytes(range(32))).decode()
    assert parse_keys(f"{padded}, {padded.rstrip('=')},") == (bytes(range(32)),) * 2
    assert len(parse_keys(base64.urlsafe_b64encode(bytes(64)).decode())[0]) == 64
    assert parse_keys("") == ()


@pytest.mark.parametrize("text", ["short", "a" * 42, "not base64 at all! " * 5, "ä" * 50])
def test_a_key_that_is_too_short_or_none_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(ConfigError, match="at least 32 random bytes") as refused:
        parse_keys(text)
    assert text not in str(refused.value)
