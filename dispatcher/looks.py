"""Organizations' looks: one service behind the tasks and the command line."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dispatcher.branding import Branding, BrandingChange, changed
from dispatcher.errors import InvalidLook, LookNotFound
from dispatcher.look import LARGEST, Look, LookStore, LookWritten
from dispatcher.texts import Wording, reworded

TextChanges = Mapping[tuple[str, str], Mapping[str, str | None]]
"""What to change of texts: by kind of mail and language, then by name."""


@dataclass(frozen=True, slots=True)
class Looks:
    """The looks of all organizations that have one.

    Args:
        store: Keeps them.
        kinds: The kinds of mail, and the names of the values that their texts may show.
        languages: The tags of the languages that mails are written in.
    """

    store: LookStore
    kinds: Mapping[str, Collection[str]] = field(repr=False)
    languages: Collection[str] = field(repr=False)

    async def get(self, org_id: str) -> Look:
        """Return the organization's own look.

        Raises:
            LookNotFound: It has none: its mails look like the instance's.
        """
        look = await self.store.load(org_id)
        if look is None:
            raise LookNotFound("the organization has no branding and no texts of its own")
        return look

    async def brand(self, org_id: str, change: BrandingChange) -> LookWritten:
        """Change the organization's branding; what is so already changes nothing.

        Raises:
            InvalidLook: The change cannot be used; the text names every mistake.
        """
        if change.language:
            self._language(change.language)

        def alter(look: Look) -> Look:
            return _fitting(replace(look, branding=changed(look.branding, change)))

        return await self.store.put(org_id, alter)

    async def unbrand(self, org_id: str) -> LookWritten:
        """Give the organization's branding back to the instance.

        Raises:
            LookNotFound: It has none.
        """
        written = await self.store.put(org_id, lambda look: replace(look, branding=Branding()))
        if not written.changed:
            raise LookNotFound("the organization has no branding of its own")
        return written

    async def reword(self, org_id: str, changes: TextChanges) -> LookWritten:
        """Change texts of the organization's mails: all of them, or, where one is wrong, none.

        Raises:
            InvalidLook: A text cannot be used; names every one, and the place in it.
        """
        return await self.store.put(org_id, lambda look: self.with_texts(look, changes))

    def with_texts(self, look: Look, changes: TextChanges) -> Look:
        """Return a look with texts changed; nothing is kept.

        Raises:
            InvalidLook: A text cannot be used; names every one, and the place in it.
        """
        texts, mistakes = dict(look.texts), []
        for (kind, language), change in changes.items():
            old = texts.pop((kind, language), {})
            try:
                wording = self._reworded(old, kind, language, change)
            except InvalidLook as error:
                where = f"{kind}, {language}: " if len(changes) > 1 else ""
                mistakes.append(f"{where}{error}")
                continue
            if wording:
                texts[kind, language] = wording
        if mistakes:
            raise InvalidLook("; ".join(mistakes))
        return _fitting(replace(look, texts=dict(sorted(texts.items()))))

    async def unword(self, org_id: str, *, kind: str = "", language: str = "") -> LookWritten:
        """Give texts back to the templates: of one kind of mail, one language, or all.

        Raises:
            LookNotFound: There are none.
        """

        def alter(look: Look) -> Look:
            kept = {
                (of, tongue): wording
                for (of, tongue), wording in look.texts.items()
                if (kind and of != kind) or (language and tongue != language)
            }
            return replace(look, texts=kept)

        written = await self.store.put(org_id, alter)
        if not written.changed:
            raise LookNotFound("the organization has no such texts of its own")
        return written

    async def organizations(self) -> Sequence[str]:
        """Return who has a look of its own, in order."""
        return await self.store.organizations()

    def _reworded(
        self, old: Wording, kind: str, language: str, change: Mapping[str, str | None]
    ) -> Wording:
        if kind not in self.kinds:
            there = ", ".join(sorted(self.kinds))
            raise InvalidLook(f"there is no kind of mail {kind!r:.40}; there are {there}")
        self._language(language)
        return reworded(old, change, self.kinds[kind])

    def _language(self, tag: str) -> None:
        if tag not in self.languages:
            there = ", ".join(sorted(self.languages))
            raise InvalidLook(f"no mail is written in {tag!r:.40}; languages are {there}")


def _fitting(look: Look) -> Look:
    if look.size > LARGEST:
        raise InvalidLook(
            f"the organization's logo and texts come to {look.size:,} bytes; at most {LARGEST:,}"
        )
    return look
