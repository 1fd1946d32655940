"""One verdict about several processes: who is asked about, and who is named."""

import json
from dataclasses import replace

import pytest

from dispatcher.adapters.monitoring.verdict import WORKERS, alive, ready
from dispatcher.adapters.monitoring.vitals import Role, Vitals

WELL = Vitals("one", Role.WORKER, 11)
UNREADY = Vitals("two", Role.WORKER, 12, ready=False, reason="the store does not answer")
STUCK = Vitals("three", Role.WORKER, 0, alive=False, ready=False, reason="it is silent")
API = Vitals("api", Role.API, 13, ready=False, reason="the store does not answer")


def test_all_alive_is_well_however_ready() -> None:
    assert alive([WELL, UNREADY, API]).is_well
    assert alive([WELL, UNREADY, API]).reply().status == 200


def test_one_that_is_stuck_is_named() -> None:
    verdict = alive([WELL, STUCK])
    assert (verdict.is_well, verdict.reasons) == (False, ["three: it is silent"])


def test_readiness_asks_those_that_have_the_role() -> None:
    assert ready([WELL, API], WORKERS).is_well
    verdict = ready([WELL, UNREADY, STUCK, API], WORKERS)
    assert verdict.reasons == ["two: the store does not answer", "three: it is silent"]
    assert verdict.reply().status == 503
    told = json.loads(verdict.reply().body)
    assert told["status"] == "two: the store does not answer; three: it is silent"
    assert [each["process"] for each in told["processes"]] == ["one", "two", "three"]


def test_nobody_is_not_well() -> None:
    assert alive([]).reasons == ["no process is there"]
    assert ready([API], WORKERS).reasons == ["no process is there"]


@pytest.mark.parametrize("vitals", [WELL, UNREADY, replace(API, answers_at=("127.0.0.1:9464",))])
def test_vitals_are_read_as_they_were_written(vitals: Vitals) -> None:
    assert Vitals.from_json(vitals.to_json()) == vitals


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b"7", b'{"process": "x", "role": "cook"}'])
def test_what_is_no_vitals_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - JSON's own, too
        Vitals.from_json(text)
