"""What the reference says is so: schemathesis finds no answer that it does not name."""

from typing import Any

import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from dispatcher.policy import Manner
from dispatcher.web.app import create_app
from tests.builders import Witness
from tests.contract.http_api.office import MemoryQueue, all_desks, an_ingest
from tests.contract.policy_api.installation import Installation

_TRIED = settings(
    max_examples=15,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


def _api(manner: Manner) -> FastAPI:
    installation = Installation(manner)
    return create_app(all_desks(installation, an_ingest(installation, MemoryQueue()), Witness()))


setting = schemathesis.openapi.from_asgi("/openapi.json", _api(Manner.SETTING))
zitadel = schemathesis.openapi.from_asgi("/openapi.json", _api(Manner.ZITADEL))


@setting.parametrize()
@_TRIED
def test_by_default_every_answer_is_named(case: schemathesis.Case[Any]) -> None:
    _try(case)


@zitadel.parametrize()
@_TRIED
def test_in_zitadels_manner_every_answer_is_named(case: schemathesis.Case[Any]) -> None:
    _try(case)


def _try(case: schemathesis.Case[Any]) -> None:
    for caller in ("owner", "root"):
        case.call_and_validate(headers={"authorization": f"Bearer {caller}"}, checks=_CHECKS)
