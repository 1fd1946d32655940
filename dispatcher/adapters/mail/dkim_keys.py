"""DKIM keys: named in the settings, read from PEM files, made, and published in DNS."""

import os
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from dispatcher.adapters.mail.dkim import PrivateKey, Signer, Signers
from dispatcher.errors import ConfigError
from dispatcher.ports import Clock

RSA_BITS: Final = 2048
"""Of a key we make; RFC 8301 section 3.2 wants at least as many, and DNS takes no more well."""

_LONGEST_STRING: Final = 255  # RFC 1035 section 3.3: octets of one string of a TXT record
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_NAME: Final = rf"{_LABEL}(?:\.{_LABEL})*"
_ENTRY: Final = re.compile(
    rf"(?:(?P<org>[A-Za-z0-9._-]{{1,64}})@)?(?P<domain>{_NAME}):(?P<selector>{_NAME})=(?P<path>.+)"
)
_DOMAIN: Final = re.compile(_NAME)
_EXPECTED: Final = "expected domain:selector=file entries, such as acme.example:s1=/etc/dkim/s1.pem"


@dataclass(frozen=True, slots=True)
class DkimKey:
    """One entry of the setting.

    Args:
        org_id: Whose own sender may use it; "" for the instance's sender.
        signer: The key.
        path: The file it is from.
    """

    org_id: str
    signer: Signer
    path: Path

    @property
    def name(self) -> str:
        """Return where its public half is in DNS (RFC 6376 section 3.6.2.1)."""
        return record_name(self.signer.domain, self.signer.selector)

    @property
    def record(self) -> str:
        """Return the TXT record that has to be there."""
        return record(self.signer.key)

    @property
    def is_private(self) -> bool:
        """Tell whether nobody but its owner's account and group can read the file."""
        return not self.path.stat().st_mode & 0o007


@dataclass(frozen=True, slots=True)
class DkimKeys:
    """All keys: those of a domain sign only mails of the sender they were named for."""

    keys: tuple[DkimKey, ...] = ()

    @classmethod
    def read(cls, setting: str) -> Self:
        """Return the keys that a setting names: ``[organization@]domain:selector=file,…``.

        Raises:
            ConfigError: An entry is malformed, or its file holds no key that can be used;
                names every mistake.
        """
        keys, mistakes = [], []
        for entry in filter(None, (part.strip() for part in setting.split(","))):
            try:
                keys.append(_key(entry))
            except ConfigError as error:
                mistakes.append(str(error))
        if mistakes:
            raise ConfigError("; ".join(mistakes))
        return cls(tuple(keys))

    def signers(self, domain: str, org_id: str, clock: Clock) -> Signers:
        """Return the keys that sign mails from this domain.

        Args:
            domain: The domain of From, ASCII.
            org_id: Whose own sender it is, or "" for the instance's. One organization's mails
                are never signed with the key of another.
            clock: Tells when.
        """
        wanted = (domain.lower(), org_id)
        keys = (key.signer for key in self.keys if (key.signer.domain, key.org_id) == wanted)
        return Signers(keys, clock)


def _key(entry: str) -> DkimKey:
    match = _ENTRY.fullmatch(entry)
    if match is None:
        raise ConfigError(_EXPECTED)
    path = Path(match["path"])
    signer = Signer(match["domain"].lower(), match["selector"].lower(), _loaded(path))
    return DkimKey(match["org"] or "", signer, path)


def _loaded(path: Path) -> PrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigError(f"{path}: expected a private key in PEM, without a password") from error
    if isinstance(key, Ed25519PrivateKey):
        return key
    if isinstance(key, RSAPrivateKey) and key.key_size >= RSA_BITS:
        return key
    raise ConfigError(f"{path}: expected an RSA key of at least {RSA_BITS} bits, or an Ed25519 key")


def new_key(kind: str) -> PrivateKey:
    """Return a fresh key of the kind ``rsa`` or ``ed25519``."""
    if kind == "ed25519":
        return Ed25519PrivateKey.generate()
    return generate_private_key(65537, RSA_BITS)


def write_key(key: PrivateKey, path: Path) -> None:
    """Write a key to a new file that its owner alone can read.

    Raises:
        ConfigError: The file is there already, or cannot be written.
    """
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
    except FileExistsError:
        raise ConfigError(f"{path} is there already: a key in use must not be lost") from None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error


def is_name(text: str) -> bool:
    """Tell whether *text* can be a domain or a selector."""
    return _DOMAIN.fullmatch(text) is not None


def record_name(domain: str, selector: str) -> str:
    """Return the name in DNS under which a key's public half is."""
    return f"{selector}._domainkey.{domain}"


def record(key: PrivateKey) -> str:
    """Return the TXT record of a key's public half (RFC 6376 section 3.6.1, RFC 8463 section 4)."""
    public = key.public_key()
    if isinstance(key, Ed25519PrivateKey):
        octets, kind = public.public_bytes(Encoding.Raw, PublicFormat.Raw), "ed25519"
    else:
        octets = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        kind = "rsa"
    return f"v=DKIM1; k={kind}; p={b64encode(octets).decode()}"


def tags(text: str) -> Mapping[str, str]:
    """Return the tags of a record (RFC 6376 section 3.2); what is no tag is left out."""
    pairs = (tag.partition("=") for tag in text.split(";"))
    return {name.strip(): "".join(value.split()) for name, sign, value in pairs if sign}


def zone_line(name: str, text: str) -> str:
    """Return a TXT record as a line of a zone file, in strings that are short enough."""
    starts = range(0, len(text), _LONGEST_STRING)
    strings = " ".join(f'"{text[start : start + _LONGEST_STRING]}"' for start in starts)
    return f"{name}. IN TXT ( {strings} )"
