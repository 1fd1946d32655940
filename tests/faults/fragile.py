"""The product's own app with a directory that takes the whole process with it for some users."""

import os
import signal

from dispatcher import bootstrap
from dispatcher.adapters.directory.from_event import FromEvent
from dispatcher.celery import app
from dispatcher.events import Addressee, Event, Recipient

__all__ = ["app"]


class Fragile(FromEvent):
    """Dies of whoever is called Poison, as a segmentation fault would."""

    async def find(
        self, event: Event, addressee: Addressee = Addressee.CURRENT
    ) -> Recipient | None:
        if event.user.display_name == "Poison":
            os.kill(os.getpid(), signal.SIGKILL)
        return await super().find(event, addressee)


vars(bootstrap)["FromEvent"] = Fragile
