"""The console in a real browser: every action, by mouse and keyboard, with and without script."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from dispatcher.delivery import Sent, State
from tests.acceptance import markup
from tests.acceptance.browser import Running, a_browser, a_page, running, sign_in

PAGES = (
    "/console/",
    "/console/deliveries",
    "/console/delivery/evt-refused?org=acme",
    "/console/dead-letters",
    "/console/resend/evt-refused?org=acme",
    "/console/drop/evt-refused?org=acme",
    "/console/policies",
    "/console/policy/acme",
    "/console/default-policy",
    "/console/workers",
    "/console/connections",
    "/console/nowhere",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with a_browser() as opened:
        yield opened


@pytest.fixture
def console() -> Iterator[Running]:
    with running() as opened:
        yield opened


@pytest.fixture
def page(browser: Browser, console: Running) -> Iterator[Page]:
    with a_page(browser, console) as opened:
        yield opened


@pytest.fixture
def without_script(browser: Browser, console: Running) -> Iterator[Page]:
    with a_page(browser, console, java_script_enabled=False) as opened:
        yield opened


def test_a_person_signs_in_by_keyboard_comes_to_where_they_wanted_and_signs_out(
    page: Page, console: Running
) -> None:
    page.goto("/console/dead-letters")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type(console.booth.tokens_of["owner"])
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Dead letters")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("status")).to_have_text("You are signed out.")
    page.goto("/console/deliveries")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_wrong_token_is_told_as_such(page: Page) -> None:
    page.goto("/console/sign-in")
    page.get_by_label("API token").fill("ndt_nonsense")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("worth nothing")


def test_figures_are_live(page: Page, console: Running) -> None:
    sign_in(page, console)
    sent = page.locator(".tiles .sent dd")
    expect(sent).to_have_text("30")
    page.evaluate("window.mark = 1")
    console.do(lambda booth: booth.ended("evt-new", Sent()))
    expect(sent).to_have_text("31")
    assert page.evaluate("window.mark") == 1


def test_a_session_that_ends_leads_the_live_page_to_the_form(page: Page, console: Running) -> None:
    sign_in(page, console, "owner")
    console.do(lambda booth: booth.tokens.revoke(booth.ids_of["owner"]))
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_filter_needs_no_reload_and_can_be_sent_to_a_colleague(
    page: Page, console: Running
) -> None:
    sign_in(page, console)
    page.get_by_role("link", name="Deliveries").click()
    page.evaluate("window.mark = 1")
    page.get_by_label("State").select_option("dead")
    rows = page.locator("#results tbody tr")
    expect(rows).to_have_count(3)
    page.get_by_label("Organization").fill("globex")
    expect(rows).to_have_count(1)
    expect(page).to_have_url(re.compile(r"/console/deliveries\?org=globex&state=dead$"))
    assert page.evaluate("window.mark") == 1
    page.reload()
    expect(rows).to_have_count(1)
    expect(page.get_by_label("State")).to_have_value("dead")


def test_without_script_filters_and_pages_work_by_forms_and_links(
    without_script: Page, console: Running
) -> None:
    page = without_script
    sign_in(page, console)
    page.get_by_role("link", name="Deliveries").click()
    page.get_by_role("link", name="Older →").click()
    expect(page.locator("#results tbody tr")).to_have_count(17)
    page.get_by_role("link", name="← Newest").click()
    page.get_by_label("State").select_option("skipped")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("#results tbody tr")).to_have_count(3)
    page.get_by_label("Reason").fill("nonsense")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_text("No delivery matches.")).to_be_visible()


def test_a_slash_leads_to_the_field_and_an_id_to_its_story(page: Page, console: Running) -> None:
    sign_in(page, console)
    page.goto("/console/deliveries")
    page.keyboard.press("/")
    page.keyboard.type("evt-refused")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("evt-refused")
    expect(page.get_by_text("did not take the recipient (550 5.1.1")).to_be_visible()
    page.get_by_text("The event, personal fields hidden").click()
    expect(page.locator("pre")).to_contain_text("•••@example.org")


def test_the_first_tab_skips_to_the_content(page: Page, console: Running) -> None:
    sign_in(page, console)
    page.goto("/console/deliveries")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


@pytest.mark.parametrize("script", [True, False])
def test_a_dead_letter_is_sent_again_once_it_is_confirmed(
    *, script: bool, browser: Browser, console: Running
) -> None:
    with a_page(browser, console, java_script_enabled=script) as page:
        sign_in(page, console, "owner")
        page.get_by_role("link", name="Dead letters").first.click()
        page.get_by_role("button", name="Resend evt-refused").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Resend evt-refused?")
        page.get_by_label("Send the very message").check()
        page.get_by_role("button", name="Resend it").click()
        expect(page.get_by_role("status")).to_contain_text("due again")
        expect(page.locator(".badge").first).to_have_text("deferred")


def test_a_dead_letter_is_dropped_once_it_is_confirmed_and_not_before(
    page: Page, console: Running
) -> None:
    sign_in(page, console, "owner")
    page.goto("/console/delivery/evt-old?org=acme")
    page.get_by_role("button", name="Drop…").click()
    page.get_by_role("link", name="Leave it as it is").click()
    (kept,) = console.do(lambda booth: booth.ledger.find("evt-old", org_id="acme"))
    assert kept.event is not None
    page.get_by_role("button", name="Drop…").click()
    page.get_by_role("button", name="Drop it").click()
    expect(page.get_by_role("status")).to_contain_text("dropped")
    (gone,) = console.do(lambda booth: booth.ledger.find("evt-old", org_id="acme"))
    assert (gone.state, gone.event) == (State.DEAD, None)


@pytest.mark.parametrize("script", [True, False])
def test_a_policy_is_switched_and_reset_and_its_history_tells_who(
    *, script: bool, browser: Browser, console: Running
) -> None:
    with a_page(browser, console, java_script_enabled=script) as page:
        sign_in(page, console, "settings")
        expect(page.get_by_role("heading", level=1)).to_have_text("Policy of acme")
        switch = page.get_by_role("switch", name="Password change")
        expect(switch).to_have_attribute("aria-checked", "true")
        switch.click()
        expect(switch).to_have_attribute("aria-checked", "false")
        by = f"token:{console.booth.ids_of['settings']}"
        expect(page.locator("tbody tr").first).to_contain_text(by)
        page.get_by_text("Reset to the default…").click()
        page.get_by_role("button", name="Reset to the default").click()
        expect(page.get_by_text("The organization has not decided")).to_be_visible()
        expect(switch).to_have_attribute("aria-checked", "true")


def test_the_default_is_switched_for_all_who_have_not_decided(page: Page, console: Running) -> None:
    sign_in(page, console)
    page.get_by_role("link", name="Policies").click()
    page.get_by_role("link", name="Default").click()
    page.get_by_role("switch", name="Email change").click()
    expect(page.get_by_role("switch", name="Email change")).to_have_attribute(
        "aria-checked", "true"
    )
    page.get_by_role("link", name="Policies").first.click()
    page.get_by_role("textbox", name="Organization").fill("initech")
    page.get_by_role("button", name="Show its policy").click()
    expect(page.get_by_role("switch", name="Email change")).to_have_attribute(
        "aria-checked", "true"
    )


def test_who_may_only_look_sees_no_buttons(page: Page, console: Running) -> None:
    sign_in(page, console, "auditor")
    for address in PAGES:
        if "/resend/" in address or "/drop/" in address:
            continue
        page.goto(address)
        names = page.get_by_role("button").all_inner_texts()
        assert set(names) <= {"Sign out", "Filter", "Tell its story", "Show its policy"}, address
        assert page.get_by_role("switch").count() == 0


def test_an_organizations_owner_sees_no_other_and_no_workers(page: Page, console: Running) -> None:
    sign_in(page, console, "owner")
    navigation = page.get_by_role("navigation", name="Console").get_by_role("link")
    assert navigation.all_inner_texts() == ["Overview", "Deliveries", "Dead letters", "Policies"]
    page.goto("/console/deliveries?state=dead")
    expect(page.locator("#results tbody tr")).to_have_count(2)
    expect(page.get_by_label("Organization")).to_have_count(0)
    for address in ("/console/delivery/evt-globex", "/console/policy/globex"):
        page.goto(address)
        expect(page.get_by_role("heading", level=1)).to_have_text("Not here")


def test_workers_and_relays_are_shown_as_they_report(page: Page, console: Running) -> None:
    sign_in(page, console)
    page.get_by_role("link", name="Workers", exact=True).click()
    away = page.get_by_role("row", name=re.compile("relay-b"))
    expect(away).to_contain_text("breaker open in 2 of 2 processes: refused connection")
    expect(page.locator("tr", has_text="mail-1/4711")).to_contain_text("17 of 128")


def test_connections_are_shown_with_their_addresses(page: Page, console: Running) -> None:
    sign_in(page, console)
    page.get_by_role("link", name="Connections").click()
    expect(page.locator("tr", has_text="keycloak-staff")).to_contain_text("/hooks/keycloak-staff")


LOOKS = {
    "light": {"color_scheme": "light", "viewport": {"width": 1200, "height": 800}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1200, "height": 800}},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 780}},
}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.timeout(120 + markup.INSTALL_TIME)
def test_no_page_has_a_barrier_that_axe_finds_and_all_fit_a_phone(
    look: str, browser: Browser, console: Running
) -> None:
    script, faults = markup.axe(), []
    with a_page(browser, console, **LOOKS[look]) as page:
        page.goto("/console/sign-in")
        faults += found_on(page, script)
        sign_in(page, console)
        for address in PAGES:
            page.goto(address)
            for summary in page.locator("summary").all():
                summary.click()
            faults += found_on(page, script)
    assert faults == []


@pytest.mark.timeout(120 + markup.INSTALL_TIME)
def test_every_page_is_valid_html(page: Page, console: Running, tmp_path: Path) -> None:
    sign_in(page, console)
    addresses = ("/console/sign-in", *PAGES)
    pages = [{"name": one, "html": page.request.get(one).text()} for one in addresses]
    file = tmp_path / "pages.json"
    file.write_text(json.dumps(pages), encoding="utf-8")
    program = markup.installed() / "valid.mjs"
    ran = subprocess.run(
        ("node", program, file),
        cwd=program.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert json.loads(ran.stdout) == []


def found_on(page: Page, script: str) -> list[str]:
    """Return what axe-core finds on a page, and whether it is too wide."""
    page.evaluate(script)
    result = page.evaluate("axe.run()")
    unsure = [one for one in result["incomplete"] if one["id"] == "color-contrast"]
    faults = [
        f"{page.url}: {one['id']}: {one['nodes'][0]['html']}"
        for one in [*result["violations"], *unsure]
    ]
    width = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return faults if width <= 0 else [*faults, f"{page.url}: {width} px too wide"]
