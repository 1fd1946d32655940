"""Variable envelope return paths (VERP): each mail's bounces come back to an address of its own."""

from dataclasses import dataclass
from typing import Final, Self

from dispatcher.adapters.mail.addresses import parse_address
from dispatcher.errors import ConfigError, RenderError
from dispatcher.postmark import LENGTH

_DELIMITER: Final = "+"
_LONGEST_LOCAL_PART: Final = 64  # RFC 5321 section 4.5.3.1.1
_ROOM: Final = _LONGEST_LOCAL_PART - LENGTH - len(_DELIMITER)


@dataclass(frozen=True, slots=True)
class BounceAddress:
    """Where bounces go: ``bounces@acme.example``, with a postmark ``bounces+…@acme.example``.

    Args:
        local_part: What stands before the delimiter.
        domain: The domain, ASCII.
    """

    local_part: str
    domain: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the bounce address that *text* is.

        Raises:
            ConfigError: It is no address, or too long for a postmark behind it.
        """
        try:
            address = parse_address(text.strip())
        except RenderError:
            raise ConfigError("expected an address, such as bounces@acme.example") from None
        local_part = address.spec.removesuffix(f"@{address.domain}")
        if address.smtputf8 or _DELIMITER in local_part or len(local_part) > _ROOM:
            raise ConfigError(
                f"expected at most {_ROOM} ASCII characters without + before the @, "
                "such as bounces@acme.example"
            )
        return cls(local_part, address.domain)

    def returning(self, mark: str) -> str:
        """Return the address that a mail with this postmark comes back to."""
        return f"{self.local_part}{_DELIMITER}{mark}@{self.domain}"
