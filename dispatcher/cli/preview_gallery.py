"""The gallery: every mail there is, made anew whenever a template was saved."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_hex
from threading import Lock

from dispatcher.adapters.mail.catalogues import find_catalogues
from dispatcher.adapters.mail.locales import ENGLISH
from dispatcher.adapters.mail.renderer import MailRenderer
from dispatcher.cli.preview_faults import Fault, explain
from dispatcher.cli.preview_mails import Look, draft
from dispatcher.cli.preview_samples import (
    CONTENTS,
    READER,
    VARIANTS,
    kinds,
    look_of,
    makes_sense,
    sample,
)
from dispatcher.correspondence import Terms
from dispatcher.errors import ConfigError
from dispatcher.events import Recipient
from dispatcher.message import Message
from dispatcher.ports import Clock


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One mail of the gallery, by what makes it: keys of the samples, and a language."""

    kind: str
    variant: str
    content: str
    language: str

    @property
    def path(self) -> str:
        """Return where its page is."""
        return f"/mail/{self.kind}/{self.variant}/{self.content}/{self.language}"


@dataclass(frozen=True, slots=True)
class Edition:
    """The templates as they were at one moment.

    Args:
        version: Names this edition; another one has another name, after a restart too.
        renderer: Makes the mails; None when no version of the templates worked yet.
        languages: The catalogues' tags.
        fault: What is wrong with the newest templates; the renderer is then an older one.
    """

    version: str
    renderer: MailRenderer | None = None
    languages: Sequence[str] = (ENGLISH,)
    fault: Fault | None = None


_Stamp = tuple[tuple[str, int, int], ...]


class Gallery:
    """Makes the mails of the gallery.

    Nothing watches in the background: who asks, has the files looked at first.

    Args:
        look: How the mails here look.
        clock: Tells the time for Date.
    """

    def __init__(self, look: Look, clock: Clock) -> None:
        self.look = look
        self.kinds = kinds()
        self._clock = clock
        self._run = token_hex(4)
        self._lock = Lock()
        self._count = 0
        self._stamp: _Stamp | None = None
        self._edition = Edition("")

    def edition(self) -> Edition:
        """Return the templates as they are in this moment."""
        with self._lock:
            stamp = _stamp(self.look.folders)
            if stamp != self._stamp:
                self._stamp = stamp
                self._count += 1
                self._edition = self._load(f"{self._run}-{self._count}")
            return self._edition

    def _load(self, version: str) -> Edition:
        try:
            languages = sorted(find_catalogues(self.look.folders))
            return Edition(version, self.look.renderer(self._clock), languages)
        except ConfigError as error:
            fault = explain(error, self.look.folders)
            return replace(self._edition, version=version, fault=fault)

    def exhibits(self, languages: Sequence[str]) -> Iterator[Exhibit]:
        """Yield every mail in these languages."""
        for kind, trigger in self.kinds.items():
            for language in languages:
                for variant in VARIANTS:
                    if makes_sense(trigger, variant):
                        for content in CONTENTS:
                            yield Exhibit(kind, variant, content, language)

    def message(
        self, exhibit: Exhibit, renderer: MailRenderer, *, to: str = READER, event_id: str = ""
    ) -> Message:
        """Return the mail of an exhibit.

        Args:
            exhibit: Which one.
            renderer: An edition's.
            to: Its recipient's address.
            event_id: The event's id, from which the Message-ID derives; by default always
                the same.

        Raises:
            RenderError: A template failed, or the address is none.
        """
        trigger = self.kinds[exhibit.kind]
        event = sample(trigger, exhibit.variant, exhibit.content, exhibit.language)
        event = replace(event, id=event_id or event.id)
        recipient = Recipient(to, event.user.display_name, exhibit.language)
        terms = Terms(look=look_of(exhibit.content, exhibit.language))
        return renderer.render(draft(trigger, event, recipient, terms))


def _stamp(folders: Sequence[Path]) -> _Stamp:
    """Return what changes when a file is saved, added or removed."""
    stamp = []
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            try:
                found = path.stat()
            except FileNotFoundError:  # an editor's own file, gone again
                continue
            stamp.append((str(path), found.st_mtime_ns, found.st_size))
    return tuple(stamp)
