"""``dispatcher branding``, on an installation in memory."""

import json
from pathlib import Path

import pytest

from dispatcher.cli.failures import ExitCode
from tests.builders import a_png
from tests.unit.cli.installation import Run


@pytest.mark.parametrize("command", [["get"], ["set"], ["reset"], ["list"], []], ids=" ".join)
def test_every_command_explains_itself(run: Run, command: list[str]) -> None:
    answer = run("branding", *command, "--help")
    assert answer.code == 0
    assert "Usage" in answer.out


def test_a_branding_is_set_field_by_field_shown_listed_and_reset(run: Run, tmp_path: Path) -> None:
    logo = tmp_path / "logo.png"
    logo.write_bytes(a_png(300, 100))
    assert run("branding", "set", "acme", "--name", "Acme", "--logo", str(logo)).code == 0
    assert run("branding", "set", "acme", "--primary", "#036", "--no-ip").code == 0
    again = run("branding", "set", "acme", "--primary", "#003366", "--json")
    assert json.loads(again.out)["effect"] == "unchanged"
    shown = run("branding", "get", "acme").out
    assert "name: Acme" in shown
    assert "logo: image/png, 300 by 100" in shown
    assert "colours: primary #003366" in shown
    assert "tells: place, device" in shown
    assert "change 2" in shown
    body = json.loads(run("branding", "get", "acme", "--json").out)
    assert body["branding"]["details"] == {"ip": False, "place": True, "device": True}
    assert (body["organization"], body["sequence"]) == ("acme", "2")
    assert "acme" in run("branding", "list").out
    (listed,) = json.loads(run("branding", "list", "--json").out)["brandings"]
    assert (listed["organization"], listed["primaryColor"]) == ("acme", "#003366")
    assert run("branding", "set", "acme", "--logo", "").code == 0
    assert "logo: none" in run("branding", "get", "acme").out
    assert json.loads(run("branding", "reset", "acme", "--json").out)["effect"] == "removed"
    assert run("branding", "set", "acme", "--name", "Acme").code == 0
    assert run("text", "set", "acme", "en", "--title", "T").code == 0
    assert run("branding", "reset", "acme").code == 0
    assert run("branding", "reset", "acme").code == ExitCode.NO
    assert run("branding", "get", "acme").code == ExitCode.NO
    assert json.loads(run("branding", "get", "acme", "--json").out) == {"branding": None}
    assert "No organization" in run("branding", "list").out


@pytest.mark.parametrize(
    ("options", "mistake"),
    [
        ([], "nothing to set"),
        (["--name", "two\nlines"], "name: line 1, column 4: a line break"),
        (["--primary", "red"], "primary: expected a colour such as #0b5cad"),
        (["--font", "#777", "--background", "#888"], "font: #777777 on #888888 has a contrast of"),
        (["--language", "tlh"], "no mail is written in 'tlh'"),
        (["--logo", "/does/not/exist"], "cannot read /does/not/exist"),
        (["--logo", __file__], "logo: expected a whole PNG or JPEG file"),
    ],
)
def test_what_cannot_be_set_is_refused_with_the_reason(
    run: Run, options: list[str], mistake: str
) -> None:
    answer = run("branding", "set", "acme", *options)
    assert answer.code == ExitCode.USAGE
    assert mistake in " ".join(answer.err.split())
    assert run("branding", "get", "acme").code == ExitCode.NO
