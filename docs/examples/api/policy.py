"""Switch password-change notices on, read the policy, and tell of a change: with Python alone.

Needs API (such as http://127.0.0.1:8080), TOKEN, and ORG in the environment.
"""

import json
import os
import urllib.request
import uuid
from datetime import UTC, datetime


def call(method: str, path: str, body: object = None) -> object:
    """Return the answer of the API."""
    request = urllib.request.Request(
        os.environ["API"] + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {os.environ['TOKEN']}",
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


print(call("PUT", "/management/v1/policies/notification", {"passwordChange": True}))
print(call("GET", "/management/v1/policies/notification"))
event = {
    "id": f"python-{uuid.uuid4()}",
    "org_id": os.environ["ORG"],
    "occurred_at": datetime.now(UTC).isoformat(),
    "user": {"id": "u-1", "email": "ada@example.org"},
    "change": "change",
}
print(call("POST", "/v1/events", event))
