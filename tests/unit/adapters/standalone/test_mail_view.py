"""What the inbox shows of a mail."""

from email.message import EmailMessage

from hypothesis import given
from hypothesis import strategies as st

from dispatcher.adapters.standalone.inbox_render import human_size
from dispatcher.adapters.standalone.mail_view import as_page, take_apart


def _mail() -> bytes:
    message = EmailMessage()
    message["Subject"] = "Ihr Passwort wurde geändert 🦊"
    message.set_content("Grüße\n")
    message.add_alternative(
        '<html><head></head><body><img src="cid:logo">Grüße</body></html>', subtype="html"
    )
    html = message.get_payload(1)
    assert isinstance(html, EmailMessage)
    html.add_related(b"PNG", "image", "png", cid="<logo>")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="Größe.pdf")
    return message.as_bytes()


def test_both_alternatives_headers_and_parts_are_shown_decoded() -> None:
    view = take_apart(_mail())
    assert view.header("SUBJECT") == "Ihr Passwort wurde geändert 🦊"
    assert view.text is not None
    assert view.text.strip() == "Grüße"
    assert view.html is not None
    assert "Grüße" in view.html
    types = [part.media_type for part in view.parts]
    assert types == ["text/plain", "text/html", "image/png", "application/pdf"]
    assert view.parts[3].name == "Größe.pdf"
    assert view.parts[3].content == b"%PDF"


def test_inline_images_are_filled_in_and_links_open_outside_the_frame() -> None:
    page = as_page(take_apart(_mail()))
    assert 'src="data:image/png;base64,UE5H"' in page
    assert '<head><base target="_blank">' in page


def test_a_reference_to_a_part_that_is_not_there_stays() -> None:
    page = as_page(take_apart(b'Content-Type: text/html\r\n\r\n<img src="cid:gone">'))
    assert 'src="cid:gone"' in page


def test_headers_in_plain_utf8_are_read() -> None:
    view = take_apart("Subject: größer\r\n\r\nx".encode())
    assert view.header("subject") == "größer"


def test_an_unknown_charset_or_a_broken_encoded_word_does_not_hide_the_mail() -> None:
    view = take_apart(
        b"Subject: =?nonsense?q?x?=\r\nContent-Type: text/plain; charset=nonsense\r\n\r\nbody"
    )
    assert view.text == "body"
    assert view.header("subject") == "=?nonsense?q?x?="


@given(
    st.binary(max_size=400), st.sampled_from([b"", b"Content-Type: multipart/mixed; boundary=b\n"])
)
def test_no_bytes_make_it_fail(noise: bytes, start: bytes) -> None:
    as_page(take_apart(start + noise))


def test_sizes_are_written_as_people_write_them() -> None:
    sizes = [human_size(count) for count in (0, 999, 1000, 3210, 999_949, 999_950, 1_500_000)]
    assert sizes == ["0 B", "999 B", "1.0 kB", "3.2 kB", "999.9 kB", "1.0 MB", "1.5 MB"]
