"""What commands print."""

import json
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.cli import output
from dispatcher.stories.redact import redacted


@given(st.text())
def test_no_text_from_outside_can_steer_a_terminal(text: str) -> None:
    assert all(c.isprintable() or c == "\n" for c in output.clean(text))


def test_a_table_in_a_pipe_cuts_nothing_off(capsys: pytest.CaptureFixture[str]) -> None:
    long = "x" * 150
    output.table(("event", ">attempts"), [(long, "1")])
    assert long in capsys.readouterr().out


def test_no_colour_leaves_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    output.say(output.bad("no"), output.good("yes"), output.state("dead"))
    output.note(output.bad("no"))
    assert "\x1b" not in "".join(capsys.readouterr())


def test_square_brackets_from_outside_are_text_and_not_markup(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output.say("[bold]plain[/bold]")
    assert capsys.readouterr().out == "[bold]plain[/bold]\n"


def test_a_document_is_json_as_it_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    output.document({"name": "Zoë"})
    written = capsys.readouterr().out
    assert json.loads(written) == {"name": "Zoë"}
    assert "Zoë" in written


def test_personal_fields_are_hidden_and_ids_are_not() -> None:
    event = {
        "id": "evt-1",
        "org_id": "acme",
        "user": {"id": "u-1", "email": "ada@example.org", "display_name": "Ada", "locale": "en"},
        "context": {"ip": "203.0.113.24", "client": "Portal"},
    }
    assert redacted(event) == {
        "id": "evt-1",
        "org_id": "acme",
        "user": {"id": "u-1", "email": "a•••@example.org", "display_name": "•••", "locale": "en"},
        "context": {"ip": "•••", "client": "Portal"},
    }


@pytest.mark.parametrize("user", ["ada@example.org", 7, None, ["ada@example.org"]])
def test_a_malformed_part_is_hidden_as_a_whole(user: object) -> None:
    assert redacted({"user": user}) == {"user": "•••"}


@pytest.mark.parametrize("email", [None, 7, "ada", "@", "ada@", ["ada@example.org"]])
def test_a_malformed_address_is_hidden_as_a_whole(email: object) -> None:
    assert redacted({"user": {"email": email}}) == {"user": {"email": "•••"}}


class Terminal(StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_childs_line_bears_its_name_before_a_person_and_stays_json_for_a_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for stream, shown in ((Terminal(), 'worker1 │ {"a": 1}\n'), (StringIO(), '{"a": 1}\n')):
        monkeypatch.setattr("sys.stderr", stream)
        output.passed_on("worker1", '{"a": 1}')
        assert stream.getvalue() == shown
