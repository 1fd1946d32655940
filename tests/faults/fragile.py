"""The product's own app with a directory that takes the whole process with it for some users."""

import ctypes
import os
import signal

from dispatcher import bootstrap_worker
from dispatcher.adapters.directory.by_connection import ConnectionDirectory
from dispatcher.celery import app
from dispatcher.delivery import Skipped
from dispatcher.events import Addressee, Event, Recipient

__all__ = ["app"]


class Fragile(ConnectionDirectory):
    """Dies of some display names, as of the kernel's hunt for memory or of a bug in C."""

    async def find(
        self, event: Event, addressee: Addressee = Addressee.CURRENT
    ) -> Recipient | Skipped:
        match event.user.display_name:
            case "out of memory":
                os.kill(os.getpid(), signal.SIGKILL)
            case "segmentation fault":
                ctypes.string_at(0)
            case _:
                pass
        return await super().find(event, addressee)


vars(bootstrap_worker)["ConnectionDirectory"] = Fragile
