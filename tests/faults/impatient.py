"""The product's own app with short patience: nobody waits ten minutes for a test."""

from functools import partial

from dispatcher import post
from dispatcher.adapters.mail.routes import Routes
from dispatcher.adapters.mail.smtp_limits import Timeouts
from dispatcher.celery import app

__all__ = ["app"]

_PATIENCE = Timeouts(
    connect=2.0, greeting=2.0, command=2.0, mail=2.0, rcpt=2.0, data=2.0, final=2.0, follow=1.0
)

vars(post)["Routes"] = partial(Routes, timeouts=_PATIENCE)
