"""The vault: secrets encrypted at rest, AES-256-GCM, each bound to what it belongs to.

Written as ``<key's mark>.<base64url of nonce and ciphertext>``; the mark tells which key opens it
without trying all. Nobody who may write the store can move one organization's secret into
another's record: it does not open there.
"""

from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from secrets import token_bytes
from typing import Any, Final

from dispatcher.errors import ConfigError, SecretUnreadable

_KEY: Final = 32
_NONCE: Final = 12  # NIST SP 800-38D section 8.2.2: 96 random bits
_MARK: Final = 8


def new_key() -> str:
    """Return a fresh key: 32 random bytes in base64url."""
    return urlsafe_b64encode(token_bytes(_KEY)).decode().rstrip("=")


def parse_keys(text: str) -> tuple[bytes, ...]:
    """Return the keys of a comma-separated list, the newest first.

    Raises:
        ConfigError: One is not at least 32 bytes in base64url.
    """
    return tuple(_key(each.strip()) for each in text.split(",") if each.strip())


def _key(text: str) -> bytes:
    written = text.rstrip("=")
    try:
        key = b64decode(written + "=" * (-len(written) % 4), altchars=b"-_", validate=True)
    except ValueError:
        key = b""
    if len(key) < _KEY:
        raise ConfigError(
            f"each key must be at least {_KEY} random bytes in base64url; "
            "`dispatcher key create` prints one"
        )
    return key


class Vault:
    """Seals and opens secrets.

    Args:
        keys: The newest first: it seals; all of them open.
    """

    def __init__(self, keys: Sequence[bytes] = ()) -> None:
        self._keys = {_derived(key, b"mark", _MARK).hex(): key for key in keys}
        self.unseal = lru_cache(maxsize=1024)(self._unseal)

    @property
    def newest(self) -> str:
        """Return the mark of the key that seals, or "" without any key."""
        return next(iter(self._keys), "")

    def is_newest(self, sealed: bytes) -> bool:
        """Tell whether the newest key opens it."""
        return sealed.partition(b".")[0] == self.newest.encode()

    def seal(self, context: str, text: str) -> bytes:
        """Return the text encrypted for a context.

        Raises:
            ConfigError: There is no key.
        """
        mark = self.newest
        if not mark:
            raise ConfigError(
                "DISPATCHER_ENCRYPTION_KEYS: is required to keep credentials; "
                "`dispatcher key create` prints a key"
            )
        nonce = token_bytes(_NONCE)
        sealed: bytes = _cipher(self._keys[mark]).encrypt(nonce, text.encode(), context.encode())
        return b"%b.%b" % (mark.encode(), urlsafe_b64encode(nonce + sealed))

    def _unseal(self, context: str, sealed: bytes) -> str:
        mark, _, text = sealed.partition(b".")
        key = self._keys.get(mark.decode(errors="replace"))
        if key is None:
            raise SecretUnreadable("its key is not among DISPATCHER_ENCRYPTION_KEYS")
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - as in _cipher

        try:
            octets = urlsafe_b64decode(text)
            nonce, ciphertext = octets[:_NONCE], octets[_NONCE:]
            opened: bytes = _cipher(key).decrypt(nonce, ciphertext, context.encode())
            return opened.decode()
        except (InvalidTag, ValueError) as error:
            raise SecretUnreadable("it was changed, or belongs elsewhere") from error


@lru_cache(maxsize=16)
def _cipher(key: bytes) -> Any:  # noqa: ANN401 - the class is imported below
    # Most workers keep no secret: they are spared the library's memory.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    return AESGCM(_derived(key, b"cipher", _KEY))


def _derived(key: bytes, purpose: bytes, size: int) -> bytes:
    """Return what is used of a key for a purpose: a key of any length serves several."""
    return blake2b(key, digest_size=size, person=purpose).digest()
