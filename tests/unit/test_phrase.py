"""Phrases: what an organization's own words may do, and that they can do nothing else."""

from time import thread_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.errors import InvalidLook
from dispatcher.phrase_reader import DEEPEST, MOST_TAGS, parse

KNOWN = frozenset({"name", "change", "ip", "organization", "account", "occurred_at"})
VALUES = {"name": "Ada", "change": "reset", "ip": None, "organization": "acme"}


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("", ""),
        ("plain { } % # text", "plain { } % # text"),
        ("Hello {{ name }}, {{name}}", "Hello Ada, Ada"),
        ("a{{ ip }}b", "ab"),
        ("a{# a remark #}b", "ab"),
        ("{{ '{{' }} and {{ \"%}\" }}{{ '' }}", "{{ and %}"),
        ("{{.DisplayName}} of {{ .OrgID }}", "Ada of acme"),
        ("{% if name %}yes{% endif %}", "yes"),
        ("{% if ip %}yes{% endif %}", ""),
        ("{% if not ip %}no{% else %}yes{% endif %}", "no"),
        ('{% if change == "reset" %}r{% else %}o{% endif %}', "r"),
        ("{% if change != 'reset' %}o{% elif ip %}i{% elif name %}n{% endif %}", "n"),
        ("{% if name %}{% if ip %}i{% else %}n{% endif %}!{% endif %}", "n!"),
        ("{% if .DisplayName %}yes{% endif %}", "yes"),
        ("a\n{% if name %}\nb\n{% else %}\nc\n{% endif %}\nd", "a\nb\nd"),
        ("a\n  {# alone #}  \nb", "a\nb"),
        ("a {% if name %}\nb{% endif %}", "a \nb"),
        ("{# one #}{# two #}\na", "\na"),
    ],
)
def test_a_phrase_shows_values_and_takes_the_branch_that_holds(source: str, shown: str) -> None:
    assert parse(source, KNOWN).render(VALUES) == shown


@pytest.mark.parametrize(
    ("source", "mistake"),
    [
        ("a\nb {{ secret }}", "line 2, column 3: there is no value secret; there are account"),
        ("{{.FirstName}}", "there is no value .FirstName"),
        ("{% if secret %}{% endif %}", "there is no value secret"),
        ("{{ name", "line 1, column 1: this {{ has no }}"),
        ("{% if name", "has no %}"),
        ("{# never", "has no #}"),
        ("x {% if name %}a", "line 1, column 3: this {% if %} has no {% endif %}"),
        ("{{ }}", "expected the name of a value"),
        ("{{ name.__class__ }}", "expected the name of a value"),
        ("{{ name|upper }}", "expected the name of a value"),
        ("{{ name() }}", "expected the name of a value"),
        ("{{ 'a' * 9 }}", "expected the name of a value"),
        ("{{ range(10**9) }}", "expected the name of a value"),
        ("{{ " + "n" * 201 + " }}", "more than 200 characters"),
        ("{% for x in name %}{% endfor %}", "expected {% if"),
        ("{% macro m() %}{% endmacro %}", "expected {% if"),
        ("{% include 'a' %}", "expected {% if"),
        ("{% set x = 1 %}", "expected {% if"),
        ("{% if %}{% endif %}", "expected a value"),
        ("{% if not %}{% endif %}", "expected a value"),
        ("{% if name and ip %}{% endif %}", "expected a value"),
        ("{% if not name == 'a' %}{% endif %}", "expected a value"),
        ("{% endif %}", "this {% endif %} belongs to no {% if %}"),
        ("{% else %}", "this {% else %} belongs to no {% if %}"),
        ("{% if name %}{% else %}{% else %}{% endif %}", "this {% else %} belongs to no"),
        ("{% if name %}{% else %}{% elif ip %}{% endif %}", "this {% elif %} belongs to no"),
        ("{% if name %}{% else name %}{% endif %}", "expected nothing but {% else %}"),
        ("{{ name }}" * (MOST_TAGS + 1), f"more than {MOST_TAGS} of"),
        ("{% if name %}" * (DEEPEST + 1), f"more than {DEEPEST} conditions"),
    ],
)
def test_what_is_no_phrase_is_refused_with_the_place(source: str, mistake: str) -> None:
    with pytest.raises(InvalidLook) as refused:
        parse(source, KNOWN)
    assert mistake in str(refused.value)
    assert str(refused.value).startswith("line ")


@pytest.mark.parametrize(
    "worst",
    [
        "{% for x in range(10**9) %}{{ x }}{% endfor %}",
        "{{ 'a' * 10**12 }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{{ name|center(10**9) }}",
        "{{" * 20_000,
        "{%" * 20_000,
        "{{ name" + " " * 39_000,
        "{% if name %}" * 3_000,
        "\n".join("{# #}" for _ in range(6_000)),
        "{# #}" * 8_000,
        "{{ " + "a" * 39_000 + " }}",
        "{% if " + "not " * 9_000 + "%}",
        "{" * 40_000,
    ],
    ids=range(14),
)
def test_the_worst_text_is_done_with_within_100_ms(worst: str) -> None:
    started = thread_time()
    try:
        phrase = parse(worst, KNOWN)
    except InvalidLook:
        pass
    else:
        assert len(phrase.render(VALUES)) <= len(worst)
    assert thread_time() - started < 0.1


@given(st.text(), st.text(), st.text())
def test_a_value_is_never_read_as_a_phrase(before: str, value: str, after: str) -> None:
    values = {"name": value or "Ada"}
    source = f"{before.replace('{', '')}{{{{ name }}}}{after.replace('{', '')}"
    shown = parse(source, KNOWN).render(values)
    assert shown == before.replace("{", "") + values["name"] + after.replace("{", "")


@given(st.text(alphabet="{}%# \nabcifelsndo=\"'!.", max_size=60))
def test_any_text_is_a_phrase_that_stays_within_its_bound_or_is_refused(source: str) -> None:
    try:
        phrase = parse(source)
    except InvalidLook:
        return
    for values in ({}, dict.fromkeys("abc", "x" * 100), VALUES):
        assert len(phrase.render(values)) <= phrase.longest(len, 100)


def test_a_value_that_a_newer_version_knew_is_left_out() -> None:
    assert parse("a{{ planet }}b").render(VALUES) == "ab"


def test_phrases_are_equal_when_their_sources_are() -> None:
    assert parse("{{ name }}") == parse("{{ name }}", KNOWN)
    assert parse("{{ name }}") != parse("{{name}}")
