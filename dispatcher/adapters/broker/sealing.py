"""Seal what goes on a queue of Valkey's: the message that Celery's own producer would write there.

The counterpart of `envelope.py`. Celery and kombu need 160 µs to write one, most of it for
choices that are always the same here; a contract test compares theirs and ours field by field.
"""

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

from celery.utils.nodenames import anon_nodename
from msgspec.json import encode

from dispatcher.adapters.broker.queue import HIDDEN

_EMBED: Final = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
_REPRS: Final = {"argsrepr": HIDDEN, "kwargsrepr": HIDDEN}
_HEADERS: Final[Mapping[str, Any]] = {
    "lang": "py",
    "shadow": None,
    "eta": None,
    "expires": None,
    "group": None,
    "group_index": None,
    "retries": 0,
    "timelimit": [None, None],
    "parent_id": None,
    **_REPRS,
    "ignore_result": True,
    "replaced_task_nesting": 0,
    "stamped_headers": None,
    "stamps": {},
}
_PERSISTENT: Final = 2
"""AMQP's delivery mode; Valkey keeps what it keeps."""


class Sealer:
    """Makes messages of Celery's protocol 2 in kombu's Redis envelope.

    Args:
        task: The task that is to be called.
        queue: The queue's name.
    """

    def __init__(self, *, task: str, queue: str) -> None:
        self._headers = {**_HEADERS, "task": task, "origin": anon_nodename()}
        self._properties = {
            "reply_to": str(uuid4()),
            **_REPRS,
            "delivery_mode": _PERSISTENT,
            "delivery_info": {"exchange": "", "routing_key": queue},
            "priority": 0,
            "body_encoding": "base64",
        }

    def seal(self, argument: Mapping[str, Any], *, task_id: str) -> bytes:
        """Return the message that calls the task with one argument."""
        body = _to_json(([argument], {}, _EMBED))
        return _to_json(
            {
                "body": b64encode(body).decode(),
                "content-encoding": "utf-8",
                "content-type": "application/json",
                "headers": {**self._headers, "id": task_id, "root_id": task_id},
                "properties": {
                    **self._properties,
                    "correlation_id": task_id,
                    "delivery_tag": str(uuid4()),
                },
            }
        )


def _to_json(content: object) -> bytes:
    try:
        return encode(content)
    except ValueError:  # a lone surrogate in somebody's name
        return json.dumps(content).encode()
