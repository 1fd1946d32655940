"""The wardrobe: every kind of mail in every language, open to be an organization's own."""

from collections.abc import Mapping

from dispatcher.adapters.mail.dressing import dress, in_the_name_of
from dispatcher.adapters.mail.editions import Editions
from dispatcher.adapters.mail.templates import Parts
from dispatcher.errors import RenderError
from dispatcher.look import Look


class Wardrobe:
    """Renders messages in organizations' looks.

    Args:
        editions: The templates, with their slots open.
        contact: The route for "this was not me", as it is printed.
    """

    def __init__(self, editions: Editions, contact: str) -> None:
        self._editions = editions
        self._contact = contact or None

    def render(
        self,
        look: Look,
        kind: str,
        language: str,
        values: Mapping[str, str | bool | None],
        domain: str,
    ) -> Parts:
        """Return the parts of a message.

        Args:
            look: The organization's look.
            kind: The kind of mail.
            language: The language it is written in.
            values: What its templates show.
            domain: The right-hand side of a logo's Content-ID.

        Raises:
            RenderError: A template failed, or made something too large.
        """
        edition = self._editions.get(kind, language)
        if edition is None:
            raise RenderError(f"there is no template folder {kind}")
        told = in_the_name_of(look.branding, values)
        seen = {**told, "contact": self._contact}
        return edition.dressed(told, dress(look, kind, language, seen, domain))
