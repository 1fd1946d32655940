"""Every mail there is, in every language, for tests about what programs read in them."""

from collections.abc import Iterator, Sequence
from functools import cache

from dispatcher.cli.preview_samples import VARIANTS, kinds, look_of, makes_sense, sample
from dispatcher.events import Addressee, Recipient
from dispatcher.message import Draft, Message
from tests.unit.adapters.mail.mails import LANGUAGES, a_renderer

CONTENTS = ("full", "sparse", "long")


@cache
def every_mail(content: str = "full") -> Sequence[tuple[str, Message]]:
    """Return each mail with a name that says what it is: kind, variant, language."""
    return tuple(_rendered(content))


def _rendered(content: str) -> Iterator[tuple[str, Message]]:
    renderer = a_renderer(contact="security@acme.example")
    for name, trigger in kinds().items():
        for variant in VARIANTS:
            if not makes_sense(trigger, variant) or (content != "full" and variant != "change"):
                continue
            for language in LANGUAGES:
                event = sample(trigger, variant, content, language)
                old = trigger.addressee is Addressee.PREVIOUS
                user = event.user.before() if old else event.user
                recipient = Recipient(user.email or "", user.display_name, language)
                facts = {**trigger.facts(event), "changes": None}
                look = look_of(content, language)
                draft = Draft(name, event.org_id, event.id, recipient, facts, look=look)
                yield f"{name} {variant} {language}", renderer.render(draft)
