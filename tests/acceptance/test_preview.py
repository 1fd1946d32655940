"""``dispatcher preview`` as a browser meets it, while someone edits the templates."""

import http.client
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import unescape
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlencode, urlsplit

import pytest

from dispatcher.adapters.mail.addresses import parse_address
from dispatcher.adapters.mail.templates import default_folder
from tests.acceptance.system import PATIENCE, dispatcher, environment, wait_until
from tests.smtp_server import At, Rule, ScriptedRelay

SENDER = "Acme Security <no-reply@acme.example>"
MAIL = "/mail/password_change/admin-reset/full/de"
NOBODY = Rule(At.RCPT, "550 5.1.1 no such user", recipient="nobody@")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass(frozen=True, slots=True)
class Preview:
    """A running ``dispatcher preview``."""

    process: "subprocess.Popen[bytes]"
    printed: Path
    url: str
    templates: Path = field(default=Path())

    def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> Answer:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=PATIENCE)
        kind = {"Content-Type": "application/x-www-form-urlencoded"} if form is not None else {}
        try:
            body = urlencode(form) if form is not None else None
            connection.request(method, path, body, {**kind, **headers})
            answer = connection.getresponse()
            return Answer(answer.status, answer.read(), dict(answer.getheaders()))
        finally:
            connection.close()

    def page(self, path: str = "/") -> str:
        answer = self.ask(path)
        assert answer.status == 200
        return answer.text

    def version(self) -> str:
        version: str = json.loads(self.page("/state"))
        return version

    def send(self, to: str, *, token: str | None = None, origin: str | None = None) -> Answer:
        """Use the form as the page's reader does, unless said otherwise."""
        shown = re.search(r'name="token" value="([^"]+)"', self.page(MAIL))
        assert shown is not None
        form = {"to": to, "token": shown[1] if token is None else token}
        headers = {"Origin": self.url.rstrip("/") if origin is None else origin}
        return self.ask(f"{MAIL}/send", method="POST", form=form, headers=headers)


@contextmanager
def previewing(folder: Path, *arguments: str, **settings: str) -> Iterator[Preview]:
    """Run ``dispatcher preview`` with templates of its own in *folder*."""
    templates = folder / "templates"
    if not templates.exists():
        shutil.copytree(default_folder(), templates)
    printed = folder / "printed"
    with printed.open("wb") as out:
        process = subprocess.Popen(
            (sys.executable, "-m", "dispatcher", "preview", *(arguments or ("--port", "0"))),
            env=environment(folder / "var", templates_dir=str(templates), **settings),
            stdout=out,
            stderr=out,
        )

    def introduced() -> "re.Match[str] | None":
        assert process.poll() is None, printed.read_text()
        return re.search(r"http://\S+/\n", printed.read_text())

    try:
        url = wait_until(introduced, "it says where it is")[0].strip()
        yield Preview(process, printed, url, templates)
    finally:
        process.kill()
        process.wait(timeout=PATIENCE)


@pytest.fixture(scope="module")
def relay() -> Iterator[ScriptedRelay]:
    with ScriptedRelay(NOBODY) as relay:
        yield relay


@pytest.fixture(scope="module")
def preview(tmp_path_factory: pytest.TempPathFactory, relay: ScriptedRelay) -> Iterator[Preview]:
    relays = f"smtp://127.0.0.1:{relay.port}?tls=none"
    folder = tmp_path_factory.mktemp("preview")
    with previewing(folder, smtp_url=relays, mail_from=SENDER) as running:
        yield running


def parsed(content: bytes) -> EmailMessage:
    return message_from_bytes(content, policy=policy.default)


PASSWORDS = "/?kind=password_change"


def cards(page: str) -> list[str]:
    """Return the paths of the mails that a page of the gallery shows."""
    return re.findall(r'<h2 id="mail-\d+"><a href="([^"]+)"', page)


def test_the_gallery_shows_every_way_a_password_changes(preview: Preview) -> None:
    page = preview.page(PASSWORDS)
    shown = [path.split("/")[3] for path in cards(page)]
    assert shown == ["change", "reset", "admin-reset", "temporary", "system"]
    assert "Your password was reset" in page
    assert "&#34;Acme Security&#34; &lt;no-reply@acme.example&gt;" in page
    assert page.count("<iframe") == 4 * len(shown)


def test_the_query_filters_it(preview: Preview) -> None:
    page = preview.page(
        f"{PASSWORDS}&language=de&variant=admin-reset&content=all&width=phone&scheme=dark"
    )
    assert cards(page) == [
        f"/mail/password_change/admin-reset/{content}/de"
        for content in ("full", "branded", "english", "sparse", "long", "hostile")
    ]
    assert page.count("<iframe") == 6
    assert 'class="phone dark"' in page
    assert len(cards(preview.page(f"{PASSWORDS}&language=tlh&variant=%3Cb%3E"))) == 5


def test_every_kind_in_every_language_is_there(preview: Preview) -> None:
    catalogues = {
        path.stem.replace("_", "-") for path in (default_folder() / "locale").glob("*.po")
    }
    shown = [path.split("/") for path in cards(preview.page("/?language=all&variant=change"))]
    for kind in ("password_change", "email_change"):
        assert {path[5] for path in shown if path[2] == kind} == {"en", *catalogues}


def test_every_link_and_frame_of_the_gallery_leads_somewhere(preview: Preview) -> None:
    page = preview.page("/?variant=change")
    found = {unescape(path) for path in re.findall(r'(?:href|src)="(/[^"]*)"', page)}
    assert len(found) > 20
    for path in found:
        assert preview.ask(path).status == 200, path


def test_a_mail_is_shown_in_each_of_its_forms(preview: Preview) -> None:
    assert "Ein Administrator" in preview.page(MAIL)
    assert "Guten Tag Jürgen Müßig" in preview.page(f"{MAIL}?view=text")
    assert "Auto-Submitted" in preview.page(f"{MAIL}?view=headers")
    assert "Content-Transfer-Encoding" in preview.page(f"{MAIL}?view=source")
    download = preview.ask(f"{MAIL}.eml")
    assert download.headers["Content-Disposition"].startswith("attachment;")
    assert parsed(download.body)["From"] == SENDER


def test_a_mails_own_html_gets_no_script_no_network_and_no_origin(preview: Preview) -> None:
    frame = preview.ask(f"{MAIL}/html?scheme=dark")
    policies = frame.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policies
    assert "sandbox" in policies
    assert "script" not in policies
    assert "prefers-color-scheme" not in frame.text


def test_pages_allow_no_script_but_ours(preview: Preview) -> None:
    policies = preview.ask("/").headers["Content-Security-Policy"]
    assert "script-src 'self'" in policies
    assert "unsafe" not in policies


@pytest.mark.parametrize(
    "path",
    [
        "/mail/password_change/admin-reset/full/tlh",
        "/mail/password_change/admin-reset/none/de",
        "/mail/other/admin-reset/full/de",
        "/mail/../../etc/passwd",
        f"{MAIL}/send",
        "/preview.html",
        "/x",
    ],
)
def test_what_is_not_there_is_not_found(preview: Preview, path: str) -> None:
    assert preview.ask(path).status == 404


def test_a_name_that_someone_elses_dns_points_here_is_turned_away(preview: Preview) -> None:
    assert preview.ask("/", headers={"Host": "evil.example"}).status == 421
    assert preview.ask("/", headers={"Host": "evil.example:80"}).status == 421


def test_a_saved_template_is_a_new_version(preview: Preview) -> None:
    before = preview.version()
    assert preview.version() == before
    path = preview.templates / "password_change" / "subject.txt"
    original = path.read_text(encoding="utf-8")
    path.write_text("Words that were just saved", encoding="utf-8")
    try:
        wait_until(lambda: preview.version() != before, "the page is told to load again")
        assert "Words that were just saved" in preview.page()
    finally:
        path.write_text(original, encoding="utf-8")
    assert "Words that were just saved" not in preview.page()


def test_a_mistake_is_shown_with_its_place_until_it_is_mended(preview: Preview) -> None:
    path = preview.templates / "password_change" / "body.html"
    original = path.read_text(encoding="utf-8")
    path.write_text(original.replace("{% if name %}", "{% if name = %}"), encoding="utf-8")
    try:
        broken = preview.page(PASSWORDS)
        assert "This template cannot be used" in broken
        assert re.search(r"password_change/body\.html, line \d+", broken)
        assert len(cards(broken)) == 5
        assert preview.ask(f"{MAIL}/html").status == 200
    finally:
        path.write_text(original, encoding="utf-8")
    assert "cannot be used" not in preview.page()


def test_a_template_that_fails_is_shown_on_its_cards(preview: Preview) -> None:
    path = preview.templates / "password_change" / "body.txt"
    original = path.read_text(encoding="utf-8")
    path.write_text(original.replace("{% if name %}", "{% if acount %}"), encoding="utf-8")
    try:
        assert preview.page().count("&#39;acount&#39; is undefined") == 5
        assert "&#39;acount&#39; is undefined" in preview.page(MAIL)
        assert preview.ask(f"{MAIL}.eml").status == 404
    finally:
        path.write_text(original, encoding="utf-8")
    assert "acount" not in preview.page()


def test_the_form_sends_the_mail_that_is_shown(preview: Preview, relay: ScriptedRelay) -> None:
    before = len(relay.messages)
    for _ in range(2):
        answer = preview.send("Me@here.example")
        assert (answer.status, answer.headers["Location"]) == (303, f"{MAIL}?sent=yes")
    assert "The relay took it." in preview.page(f"{MAIL}?sent=yes")
    one, other = relay.messages[before:]
    assert one.recipients == ("Me@here.example",)
    assert one.message_id != other.message_id
    mail = parsed(one.unstuffed)
    assert mail["Content-Language"] == "de"
    assert parse_address(mail["To"].addresses[0].addr_spec).spec == "Me@here.example"


@pytest.mark.parametrize(
    ("to", "status", "words"),
    [
        ("", 422, "expected one mail address"),
        ("a@b.example, c@d.example", 422, "expected one mail address"),
        ("a@b.example\r\nBcc: c@d.example", 422, "expected one mail address"),
        ("nobody@here.example", 502, "Not sent"),
    ],
)
def test_what_cannot_be_sent_is_told(preview: Preview, to: str, status: int, words: str) -> None:
    answer = preview.send(to)
    assert answer.status == status
    assert words in answer.text


def test_only_the_page_itself_can_send(preview: Preview, relay: ScriptedRelay) -> None:
    before = len(relay.messages)
    assert preview.send("me@here.example", origin="https://evil.example").status == 403
    assert preview.send("me@here.example", origin="").status == 403
    assert preview.send("me@here.example", token="guessed").status == 403
    assert preview.send("me@here.example", token="").status == 403
    assert preview.ask(f"{MAIL}/send", method="POST", form={}).status == 403
    assert len(relay.messages) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_it_well(tmp_path: Path, number: signal.Signals) -> None:
    with previewing(tmp_path) as preview:
        page = preview.page()
        assert "DISPATCHER_MAIL_FROM and DISPATCHER_CONTACT are not set" in page
        assert "<form" not in preview.page(MAIL)
        preview.process.send_signal(number)
        assert preview.process.wait(timeout=PATIENCE) == 0
        assert "Traceback" not in preview.printed.read_text()


def test_it_starts_with_a_broken_template_and_shows_it(tmp_path: Path) -> None:
    broken = tmp_path / "templates" / "password_change"
    broken.mkdir(parents=True)
    (broken / "subject.txt").write_text("{% if %}", encoding="utf-8")
    with previewing(tmp_path, smtp_url="smtp://127.0.0.1:1?tls=none") as preview:
        page = preview.page()
        assert "password_change/subject.txt, line 1" in page
        assert cards(page) == []
        assert "subject.txt, line 1" in preview.page("/mail/password_change/change/full/en")
        (broken / "subject.txt").write_text("Mended", encoding="utf-8")
        assert len(cards(preview.page(PASSWORDS))) == 5
        assert "Set DISPATCHER_MAIL_FROM" in preview.page()


def test_a_taken_port_is_replaced_and_said_so(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with previewing(tmp_path, "--port", str(port)) as preview:
            assert urlsplit(preview.url).port != port
            assert f"port {port} is taken" in preview.printed.read_text()


def test_a_sender_that_cannot_work_is_told_at_once(tmp_path: Path) -> None:
    refused = dispatcher("preview", env=environment(tmp_path, mail_from="nobody"))
    assert refused.returncode == 2
    assert "sender" in refused.stderr
