"""The inbox as a mail client and a browser meet it."""

import http.client
import json
import smtplib
import socket
import stat
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from dispatcher.adapters.standalone.inbox import Inbox
from dispatcher.errors import ConfigError

CONTENT = (
    b"From: a@acme.example\r\nSubject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\n\r\n.dot\r\n\r\nlast  \r\n"
)


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    inbox = Inbox(tmp_path / "inbox", http_port=0)
    inbox.start()
    yield inbox
    inbox.stop()


@pytest.fixture
def client(inbox: Inbox) -> Iterator[smtplib.SMTP]:
    port = urlsplit(inbox.smtp_url).port
    assert port is not None
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
        client.ehlo()
        yield client


def get(
    inbox: Inbox, path: str, *, method: str = "GET", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    address = urlsplit(inbox.http_url)
    connection = http.client.HTTPConnection(address.netloc, timeout=10)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def text(inbox: Inbox, path: str) -> str:
    status, _, body = get(inbox, path)
    assert status == 200
    return body.decode()


def send(client: smtplib.SMTP, subject: str = "hello", html: str | None = None) -> None:
    message = EmailMessage()
    message["From"] = "a@acme.example"
    message["To"] = "b@acme.example"
    message["Subject"] = subject
    message.set_content("plain words")
    if html is not None:
        message.add_alternative(html, subtype="html")
    client.send_message(message)


def test_a_mail_is_kept_byte_for_byte_and_private(inbox: Inbox, client: smtplib.SMTP) -> None:
    client.sendmail("a@acme.example", ["b@acme.example", "c@acme.example"], CONTENT)
    (name,) = inbox.mailbox.names()
    path = inbox.mailbox.path(name)
    assert path.read_bytes() == CONTENT
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    envelope = inbox.mailbox.envelope(name)
    assert envelope.sender == "a@acme.example"
    assert envelope.recipients == ("b@acme.example", "c@acme.example")
    assert envelope.size == len(CONTENT)


def test_it_offers_what_our_client_makes_use_of(client: smtplib.SMTP) -> None:
    offered = {"pipelining", "smtputf8", "8bitmime", "size", "enhancedstatuscodes"}
    assert offered <= set(client.esmtp_features)


def test_international_addresses_are_taken_with_smtputf8(
    inbox: Inbox, client: smtplib.SMTP
) -> None:
    client.command_encoding = "utf-8"
    content = "Subject: größer\r\n\r\n..\r\n".encode()
    client.mail("jörg@münchen.example", ["SMTPUTF8", "BODY=8BITMIME"])
    client.rcpt("用户@例え.example")
    client.data(content)
    (name,) = inbox.mailbox.names()
    envelope = inbox.mailbox.envelope(name)
    assert (envelope.sender, envelope.recipients) == (
        "jörg@münchen.example",
        ("用户@例え.example",),
    )
    assert envelope.smtputf8
    assert inbox.mailbox.read(name) == content


def test_pipelined_groups_are_answered_one_by_one(inbox: Inbox) -> None:
    port = urlsplit(inbox.smtp_url).port
    group = "MAIL FROM:<a@x.example>\r\nRCPT TO:<{}@x.example>\r\nDATA\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        lines = connection.makefile("rb")
        connection.sendall(f"EHLO x\r\n{group.format('one')}".encode())
        replies = [lines.readline()[:4] for _ in range(11)]
        assert replies[-4:] == [b"250 ", b"250 ", b"250 ", b"354 "]
        connection.sendall(f"Subject: 1\r\n\r\n.\r\n{group.format('refused')}QUIT\r\n".encode())
        assert [lines.readline()[:3] for _ in range(5)] == [b"250", b"250", b"550", b"503", b"221"]
        lines.close()
    assert len(inbox.mailbox.names()) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\r\n",
        b".\r\n",
        b"..\r\n.\r\n",
        b"A sentence.\r\nAnother.\r\n.\r\n",
        b"x" * 998 + b"\r\n",
        b"." + b"x" * 997 + b"\r\n",
        (b"y" * 70 + b".\r\n") * 10_000,
    ],
    ids=["empty", "blank", "dot", "dots", "sentences", "long", "long with a dot", "large"],
)
def test_dots_and_sizes_change_nothing_in_a_mail(
    inbox: Inbox, client: smtplib.SMTP, content: bytes
) -> None:
    client.mail("a@acme.example")
    client.rcpt("b@acme.example")
    assert client.docmd("DATA")[0] == 354
    client.send((b"\r\n" + content).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n")
    assert client.getreply()[0] == 250
    (name,) = inbox.mailbox.names()
    assert inbox.mailbox.read(name) == content


def test_a_mail_larger_than_announced_is_refused_and_the_next_one_taken(
    inbox: Inbox, client: smtplib.SMTP
) -> None:
    client.mail("a@acme.example")
    client.rcpt("b@acme.example")
    assert client.data((b"x" * 800 + b"\r\n") * 42_000)[0] == 552
    send(client)
    assert len(inbox.mailbox.names()) == 1


def test_a_line_that_a_relay_may_refuse_is_refused(inbox: Inbox, client: smtplib.SMTP) -> None:
    client.mail("a@acme.example")
    client.rcpt("b@acme.example")
    assert client.data(b"x" * 1001 + b"\r\n")[0] == 500
    assert inbox.mailbox.names() == ()


@pytest.mark.parametrize(
    "path", ["a@x.example", '"quoted mail"@x.example', "o'brien+tag@x.example", "a@[127.0.0.1]"]
)
def test_every_form_of_address_is_taken(inbox: Inbox, client: smtplib.SMTP, path: str) -> None:
    client.docmd("MAIL FROM:<>")
    assert client.docmd(f"RCPT TO:<{path}>")[0] == 250
    client.data(b"x\r\n")
    envelope = inbox.mailbox.envelope(inbox.mailbox.names()[0])
    assert (envelope.sender, envelope.recipients) == ("", (path,))


def test_a_recipient_who_is_to_be_refused_is(client: smtplib.SMTP) -> None:
    client.mail("a@acme.example")
    code, reply = client.rcpt("Refused@anywhere.example")
    assert (code, reply[:5]) == (550, b"5.1.1")


def test_a_greylisted_recipient_is_put_off_once(client: smtplib.SMTP) -> None:
    client.mail("a@acme.example")
    assert client.rcpt("greylisted@acme.example")[0] == 451
    assert client.rcpt("greylisted@acme.example")[0] == 250
    assert client.rcpt("greylisted@other.example")[0] == 451


def test_a_mail_it_has_no_room_for_is_put_off(inbox: Inbox, client: smtplib.SMTP) -> None:
    inbox.mailbox.folder.rename(inbox.mailbox.folder.with_name("gone"))
    with pytest.raises(smtplib.SMTPDataError) as refused:
        send(client)
    assert refused.value.smtp_code == 452


def test_the_list_shows_the_newest_first(inbox: Inbox, client: smtplib.SMTP) -> None:
    assert "No mail yet" in text(inbox, "/")
    send(client, "the first")
    send(client, "der zweite, größer")
    page = text(inbox, "/")
    assert page.index("der zweite, größer") < page.index("the first")
    assert "2 mails" in page


def test_a_long_list_comes_in_pages(inbox: Inbox, client: smtplib.SMTP) -> None:
    for number in range(101):
        send(client, f"number {number:03}")
    assert "Page 1 of 3" in text(inbox, "/")
    assert "number 100" in text(inbox, "/?page=1")
    last = text(inbox, "/?page=3")
    assert "number 000" in last
    assert "number 001" not in last
    for odd in ("0", "-1", "x", "%C2%B2", "999999999999", "9" * 5000):
        assert "number" in text(inbox, f"/?page={odd}")


def test_the_page_can_ask_whether_something_came(inbox: Inbox, client: smtplib.SMTP) -> None:
    assert json.loads(text(inbox, "/state")) == [0]
    send(client)
    assert json.loads(text(inbox, "/state")) == [1, inbox.mailbox.names()[0]]


def test_one_mail_is_shown_in_each_of_its_views(inbox: Inbox, client: smtplib.SMTP) -> None:
    send(client, html="<html><head></head><body><b>bold words</b></body></html>")
    (name,) = inbox.mailbox.names()
    assert f'src="/mail/{name}/html"' in text(inbox, f"/mail/{name}")
    assert "plain words" in text(inbox, f"/mail/{name}?view=text")
    assert "Subject" in text(inbox, f"/mail/{name}?view=headers")
    assert "text/html" in text(inbox, f"/mail/{name}?view=parts")
    assert "&lt;b&gt;bold words" in text(inbox, f"/mail/{name}?view=source")


def test_the_download_is_the_mail_as_sent(inbox: Inbox, client: smtplib.SMTP) -> None:
    client.sendmail("a@acme.example", ["b@acme.example"], CONTENT)
    (name,) = inbox.mailbox.names()
    status, headers, body = get(inbox, f"/mail/{name}.eml")
    assert (status, body) == (200, CONTENT)
    assert headers["Content-Disposition"].startswith("attachment;")


def test_a_part_is_downloaded_and_never_shown_in_place(inbox: Inbox, client: smtplib.SMTP) -> None:
    send(client, html="<script>alert(1)</script>")
    (name,) = inbox.mailbox.names()
    status, headers, body = get(inbox, f"/mail/{name}/part/1")
    assert (status, body.strip()) == (200, b"<script>alert(1)</script>")
    assert headers["Content-Type"] == "application/octet-stream"
    assert get(inbox, f"/mail/{name}/part/2")[0] == 404


def test_a_mails_own_html_gets_no_script_no_network_and_no_origin(
    inbox: Inbox, client: smtplib.SMTP
) -> None:
    send(client, html="<p>x</p>")
    _, headers, _ = get(inbox, f"/mail/{inbox.mailbox.names()[0]}/html")
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox allow-popups" in policy
    assert "script" not in policy.replace("allow-scripts", "script")


def test_markup_in_what_a_mail_says_stays_text(inbox: Inbox, client: smtplib.SMTP) -> None:
    send(client, "<script>alert(1)</script>")
    (name,) = inbox.mailbox.names()
    for path in ("/", f"/mail/{name}", f"/mail/{name}?view=headers", f"/mail/{name}?view=source"):
        assert "<script>alert" not in text(inbox, path)


def test_a_name_that_someone_elses_dns_points_here_is_turned_away(inbox: Inbox) -> None:
    assert get(inbox, "/", Host="evil.example")[0] == 421
    assert get(inbox, "/state", Host="evil.example:80")[0] == 421


def test_only_the_page_itself_can_delete(inbox: Inbox, client: smtplib.SMTP) -> None:
    send(client)
    assert get(inbox, "/delete", method="POST", Origin="https://evil.example")[0] == 403
    assert get(inbox, "/delete", method="POST")[0] == 403
    assert get(inbox, "/delete")[0] == 404
    assert len(inbox.mailbox.names()) == 1
    status, headers, _ = get(inbox, "/delete", method="POST", Origin=inbox.http_url.rstrip("/"))
    assert (status, headers["Location"]) == (303, "/")
    assert inbox.mailbox.names() == ()
    assert list(inbox.mailbox.folder.iterdir()) == []


@pytest.mark.parametrize(
    "path", ["/mail/../../etc/passwd", "/mail/%2e%2e%2fx.eml", "/mail/x", "/mail/x/part/0", "/x"]
)
def test_what_is_not_there_is_not_found(inbox: Inbox, path: str) -> None:
    assert get(inbox, path)[0] == 404


def test_a_taken_port_is_replaced_and_said_so(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        inbox = Inbox(tmp_path / "inbox", http_port=port)
        inbox.start()
        try:
            assert urlsplit(inbox.http_url).port not in {0, port}
            assert len(inbox.notes) == 1
            assert str(port) in inbox.notes[0]
        finally:
            inbox.stop()


def test_mails_of_an_earlier_run_are_still_there(inbox: Inbox, client: smtplib.SMTP) -> None:
    send(client)
    again = Inbox(inbox.mailbox.folder, http_port=0)
    again.start()
    try:
        assert again.mailbox.names() == inbox.mailbox.names()
    finally:
        again.stop()


def test_stopping_ends_open_connections(inbox: Inbox, client: smtplib.SMTP) -> None:
    inbox.stop()
    with pytest.raises(smtplib.SMTPServerDisconnected):
        client.noop()
    assert not [one for one in threading.enumerate() if one.name.startswith("inbox")]


def test_a_place_that_others_can_reach_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        Inbox(tmp_path, http_host="0.0.0.0")
