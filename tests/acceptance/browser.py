"""A real browser, Debian's Chromium, and a console for it to look at."""

import asyncio
import shutil
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    Request,
    expect,
    sync_playwright,
)

from tests.contract.console.booth import Booth, an_open_booth

expect.set_options(timeout=20_000)  # the machine is shared: time says nothing about the code


@contextmanager
def a_browser() -> Iterator[Browser]:
    """Run a browser, or skip."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        )
        try:
            yield browser
        finally:
            browser.close()


class Running:
    """A console that runs on a thread of its own, while a test drives a browser.

    Args:
        booth: It.
        loop: Where it runs.
    """

    def __init__(self, booth: Booth, loop: asyncio.AbstractEventLoop) -> None:
        self.booth = booth
        self._loop = loop

    @property
    def url(self) -> str:
        """Return where it is."""
        return self.booth.url

    def do(self, work: Callable[[Booth], Awaitable[Any]]) -> Any:
        """Return what happens at the booth meanwhile."""

        async def done() -> Any:
            return await work(self.booth)

        return asyncio.run_coroutine_threadsafe(done(), self._loop).result(30)


@contextmanager
def running(booth: Booth | None = None) -> Iterator[Running]:
    """Run a console in which things have happened."""
    found: list[Running] = []
    is_open, closing = threading.Event(), asyncio.Event()

    async def stay() -> None:
        async with an_open_booth(booth) as opened:
            found.append(Running(opened, asyncio.get_running_loop()))
            is_open.set()
            await closing.wait()

    thread = threading.Thread(target=lambda: asyncio.run(stay()))
    thread.start()
    assert is_open.wait(30)
    try:
        yield found[0]
    finally:
        found[0]._loop.call_soon_threadsafe(closing.set)
        thread.join(30)


@contextmanager
def a_page(browser: Browser, console: Running, **options: Any) -> Iterator[Page]:
    """Open a page; whatever the browser complains of, or asks of others, fails the test."""
    context = browser.new_context(base_url=console.url, **options)
    context.set_default_timeout(20_000)
    complaints: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and "status of 4" not in message.text:
            complaints.append(message.text)

    def asked(request: Request) -> None:
        if not request.url.startswith(console.url):
            complaints.append(f"asked {request.url}")

    page = context.new_page()
    page.on("console", heard)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", asked)
    try:
        yield page
        assert complaints == []
    finally:
        context.close()


def sign_in(page: Page, console: Running, role: str = "root") -> None:
    """Sign in as a person does."""
    page.goto("/console/sign-in")
    page.get_by_label("API token").fill(console.booth.tokens_of[role])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/console/**")
    page.get_by_role("button", name="Sign out").wait_for()
