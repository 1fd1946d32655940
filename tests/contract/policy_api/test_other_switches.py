"""Switches that the mirrored API does not know: there for who asks, and never in anybody's way."""

import asyncio
from typing import Any

import httpx
import pytest

from dispatcher.policy import Manner
from dispatcher.web.app import create_app
from tests.contract.policy_api.installation import Installation

OURS = "/management/v1/policies/notification"


class Api:
    """The API as the organization's owner calls it."""

    def __init__(self, manner: Manner = Manner.SETTING) -> None:
        self._app = create_app(Installation(manner).desks())

    def call(self, method: str, query: str = "", body: object = None) -> dict[str, Any]:
        async def called() -> httpx.Response:
            headers = {"authorization": "Bearer owner"}
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://api", headers=headers
            ) as client:
                return await client.request(method, OURS + query, json=body)

        answer = asyncio.run(called())
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def policy(self, query: str = "") -> dict[str, Any]:
        """Return the switches that an answer tells of."""
        told = self.call("GET", query)["policy"]
        return {name: told[name] for name in told if name not in {"details", "isDefault"}}


def test_a_body_may_set_another_switch_and_answers_tell_of_it_when_asked() -> None:
    api = Api()
    api.call("PUT", body={"emailChange": True})
    assert api.policy() == {"passwordChange": False}
    both = {"passwordChange": False, "emailChange": True}
    assert api.policy("?switch=emailChange") == both
    assert api.policy("?switch=emailChange&switch=passwordChange&switch=none") == both


def test_setting_one_switch_leaves_the_other() -> None:
    api = Api()
    api.call("PUT", body={"emailChange": True})
    api.call("PUT", body={"passwordChange": True})
    assert api.policy("?switch=emailChange") == {"passwordChange": True, "emailChange": True}


@pytest.mark.parametrize("name", ["emailChange", "email_change"])
def test_in_zitadels_manner_another_switch_is_an_unknown_field(name: str) -> None:
    api = Api(Manner.ZITADEL)
    api.call("POST", body={"passwordChange": True, name: True})
    assert api.policy("?switch=emailChange") == {"passwordChange": True}
