"""``dispatcher text``, on an installation in memory."""

import json
from pathlib import Path

import pytest

from dispatcher.cli.failures import ExitCode
from tests.unit.cli.installation import Run


@pytest.mark.parametrize(
    "command", [["get"], ["set"], ["reset"], ["list"], ["values"], ["load"], []], ids=" ".join
)
def test_every_command_explains_itself(run: Run, command: list[str]) -> None:
    answer = run("text", *command, "--help")
    assert answer.code == 0
    assert "Usage" in answer.out


def test_texts_are_set_one_by_one_shown_listed_and_given_back(run: Run) -> None:
    assert run("text", "set", "acme", "de", "--greeting", "Grüezi {{ name }},").code == 0
    assert run("text", "set", "acme", "de", "--subject", "Neues Passwort").code == 0
    assert run("text", "set", "acme", "en", "--title", "{{.DisplayName}}").code == 0
    shown = run("text", "get", "acme", "de").out
    assert "password_change, de" in shown
    assert "greeting: Grüezi {{ name }}," in shown
    assert "subject: Neues Passwort" in shown
    assert "DisplayName" not in shown
    rows = json.loads(run("text", "list", "--json").out)["texts"]
    assert [(row["language"], row["texts"]) for row in rows] == [
        ("de", ["subject", "greeting"]),
        ("en", ["title"]),
    ]
    assert "subject, greeting" in run("text", "list").out
    assert run("text", "set", "acme", "de", "--subject", "").code == 0
    assert "subject" not in run("text", "get", "acme", "de").out
    assert run("text", "reset", "acme", "de").code == 0
    assert run("text", "get", "acme", "de").code == ExitCode.NO
    assert run("text", "get", "acme").code == 0
    assert run("text", "reset", "acme").code == 0
    assert run("text", "reset", "acme").code == ExitCode.NO
    assert json.loads(run("text", "get", "acme", "--json").out) == {"texts": []}
    assert "No organization" in run("text", "list").out


def test_texts_are_read_from_a_file_or_stdin(run: Run) -> None:
    words = 'title = "T"\ntext = """\nOne.\n\nTwo."""\n'
    answer = run("text", "set", "acme", "en", "--file", "-", "--json", stdin=words)
    said = {"kind": "password_change", "language": "en", "title": "T", "text": "One.\n\nTwo."}
    assert json.loads(answer.out) == {"effect": "changed", "texts": [said]}
    assert json.loads(run("text", "reset", "acme", "--json").out)["effect"] == "removed"


def test_the_values_of_each_kind_of_mail_are_listed(run: Run) -> None:
    body = json.loads(run("text", "values", "--json").out)
    assert {"name", "occurred_at", "ip", "place", "device"} <= set(body["kinds"]["password_change"])
    assert "user_agent" not in body["kinds"]["password_change"]
    assert body["languages"] == ["de", "en"]
    assert "password_change" in run("text", "values").out


@pytest.mark.parametrize(
    ("options", "mistake"),
    [
        (["de"], "nothing to set"),
        (["de", "--text", "a\nb {{ secret }}"], "text: line 2, column 3: there is no value secret"),
        (["de", "--subject", "a\nb"], "subject: line 1, column 2: a line break"),
        (["de", "--text", "{% for x in y %}"], "text: line 1, column 1: expected {% if"),
        (["de", "--text", "é" * 20_001], "text: has 40,002 bytes; at most 40,000"),
        (["tlh", "--text", "a"], "no mail is written in 'tlh'"),
        (["de", "--kind", "birthday", "--text", "a"], "there is no kind of mail 'birthday'"),
        (["de", "--file", "-", "--text", "a"], "not both"),
        (["de", "--file", "/does/not/exist"], "cannot be read"),
        (["de", "--file", "-"], "-: other: expected strings with the names title"),
    ],
)
def test_what_cannot_be_set_is_refused_with_the_place(
    run: Run, options: list[str], mistake: str
) -> None:
    answer = run("text", "set", "acme", *options, stdin='other = "a"')
    assert answer.code == ExitCode.USAGE
    assert mistake in " ".join(answer.err.split())
    assert run("text", "get", "acme").code == ExitCode.NO


def _file(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_a_folder_is_set_each_file_being_all_of_its_texts(run: Run, tmp_path: Path) -> None:
    assert run("text", "set", "acme", "de", "--title", "Weg damit").code == 0
    _file(tmp_path, "acme/password_change/de.toml", 'greeting = "Grüezi,"')
    _file(tmp_path, "acme/email_change/en.toml", 'text = """\nOne.\n\nTwo."""')
    checked = run("text", "load", str(tmp_path), "--check")
    assert checked.code == 0
    assert "usable" in checked.out
    assert "Weg damit" in run("text", "get", "acme").out
    assert "changed" in run("text", "load", str(tmp_path)).out
    texts = json.loads(run("text", "get", "acme", "--json").out)["texts"]
    assert texts == [
        {"kind": "email_change", "language": "en", "text": "One.\n\nTwo."},
        {"kind": "password_change", "language": "de", "greeting": "Grüezi,"},
    ]
    assert "unchanged" in run("text", "load", str(tmp_path)).out


def test_of_an_organization_with_a_wrong_file_nothing_is_set(run: Run, tmp_path: Path) -> None:
    _file(tmp_path, "acme/password_change/de.toml", 'greeting = "Grüezi,"')
    _file(tmp_path, "acme/password_change/en.toml", 'text = "{{ other }}"')
    _file(tmp_path, "globex/password_change/en.toml", 'text = "Fine."')
    answer = run("text", "load", str(tmp_path), "--json")
    assert answer.code == ExitCode.NO
    effects = json.loads(answer.out)["organizations"]
    assert [(each["organization"], each["effect"]) for each in effects] == [
        ("acme", "refused"),
        ("globex", "changed"),
    ]
    assert "password_change, en: text: line 1, column 1" in effects[0]["detail"]
    assert run("text", "get", "acme").code == ExitCode.NO
    assert run("text", "load", str(tmp_path), "--check").code == ExitCode.NO


@pytest.mark.parametrize("name", ["de.toml", "acme/de.toml", "a/b/c/de.toml", "a b/c/de.toml"])
def test_a_file_where_none_belongs_is_refused(run: Run, tmp_path: Path, name: str) -> None:
    _file(tmp_path, name, 'text = "Fine."')
    assert run("text", "load", str(tmp_path)).code == ExitCode.USAGE


def test_an_empty_folder_is_a_mistake(run: Run, tmp_path: Path) -> None:
    answer = run("text", "load", str(tmp_path))
    assert answer.code == ExitCode.USAGE
    assert "there is no ORG/KIND/LANGUAGE.toml" in " ".join(answer.err.split())
