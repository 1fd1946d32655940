"""Who changed a policy, and what another one would have done."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dispatcher import policy_wire
from dispatcher.access import Permission
from dispatcher.dry_run import DryRun
from dispatcher.errors import InvalidPolicy
from dispatcher.policies import Policies
from dispatcher.triggers.password_change import TRIGGER
from dispatcher.web import reference
from dispatcher.web.gate import Gate
from dispatcher.web.patience import LOG_PATIENCE, StorePatience
from dispatcher.web.requests import call_of, whole_number

_USUAL_CHANGES: Final = 100
_MOST_CHANGES: Final = 1_000
_MOST_DAYS: Final = 90
_USUAL_DAYS: Final = 7
_ORG: Final = {
    "name": "org",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": r"^[A-Za-z0-9._-]{1,64}$"},
}


def _number(name: str, usual: int, most: int, meaning: str) -> dict[str, Any]:
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": usual}
    return {"name": name, "in": "query", "description": meaning, "schema": schema}


_LIMIT: Final = _number("limit", _USUAL_CHANGES, _MOST_CHANGES, "The last so many changes.")
_DAYS: Final = _number("days", _USUAL_DAYS, _MOST_DAYS, "The last so many days.")


_SWITCH: Final[dict[str, Any]] = {
    "name": TRIGGER.switch,
    "in": "query",
    "required": True,
    "description": "How the policy is supposed to have been.",
    "schema": {"type": "string", "enum": ["true", "false"]},
}


def history_router(policies: Policies, gate: Gate, dry_run: DryRun) -> APIRouter:
    """Return the routes about what was, and what could have been."""
    router = APIRouter(prefix="/v1/policies", tags=["History and dry run"])

    async def organization(request: Request) -> str:
        call = replace(call_of(request), org_id=request.path_params["org"])
        async with StorePatience():
            return (await gate.organization(call, Permission.POLICY_READ)).org_id

    @router.get(
        "/{org}/history",  # noqa: FAST003 - else FastAPI would answer in its own form
        response_model=None,
        responses=reference.answers(reference.PolicyHistory, (*reference.CALLER, 400)),
        openapi_extra=reference.about(reference.SECURED, parameters=[_ORG, _LIMIT]),
    )
    async def get_policy_history(request: Request) -> Response:
        """Read who changed the organization's policy when, from what to what, newest first."""
        org_id = await organization(request)
        limit = whole_number(
            request, "limit", usual=_USUAL_CHANGES, most=_MOST_CHANGES, refuse=InvalidPolicy
        )
        async with StorePatience():
            changes = await policies.history(org_id, limit=limit)
        return JSONResponse({"changes": [policy_wire.change_body(change) for change in changes]})

    @router.get(
        "/{org}/dry-run",  # noqa: FAST003 - as above
        response_model=None,
        responses=reference.answers(reference.DryRunResult, (*reference.CALLER, 400)),
        openapi_extra=reference.about(reference.SECURED, parameters=[_ORG, _SWITCH, _DAYS]),
    )
    async def get_policy_dry_run(request: Request) -> Response:
        """Read what the last days would have looked like under the other setting."""
        org_id = await organization(request)
        on = _flag(request, TRIGGER.switch)
        days = whole_number(
            request, "days", usual=_USUAL_DAYS, most=_MOST_DAYS, refuse=InvalidPolicy
        )
        async with StorePatience(LOG_PATIENCE):
            forecast = await dry_run.forecast(
                org_id,
                trigger=TRIGGER.name,
                on=on,
                since=dry_run.clock.now() - timedelta(days=days),
            )
        return JSONResponse(policy_wire.forecast_body(forecast, TRIGGER.switch))

    return router


def _flag(request: Request, name: str) -> bool:
    text = request.query_params.get(name)
    if text not in {"true", "false"}:
        raise InvalidPolicy(f"{name}: expected true or false")
    return text == "true"
