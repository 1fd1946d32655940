"""Branding: colours that people can read, logos that are images, names on one line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.branding import (
    ACCENT,
    INK,
    LEAST_CONTRAST,
    SURFACES,
    Branding,
    BrandingChange,
    changed,
    contrast,
    mixed,
)
from dispatcher.errors import InvalidLook
from dispatcher.logo import LARGEST, parse_logo
from tests.builders import a_png

COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")
JPEG = bytes.fromhex(
    "ffd8 ffe0 0010 4a46494600010100000100010000 ffff d0 ff01 ffc0 0011 08 0030 0090 03"
    "011100021101031101 ffd9"
)


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#000000", "#ffffff", 21.0), ("#777777", "#ffffff", 4.48), ("#123456", "#123456", 1.0)],
)
def test_contrast_is_that_of_wcag(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=0.005)
    assert contrast(other, one) == contrast(one, other)


@given(COLOURS, COLOURS, COLOURS)
def test_no_branding_has_colours_that_cannot_be_read(
    primary: str, background: str, font: str
) -> None:
    try:
        branding = changed(Branding(), BrandingChange(None, None, primary, background, font))
    except InvalidLook:
        pairs = contrast(primary, background), contrast(font, background)
        assert min(pairs) < LEAST_CONTRAST
    else:
        assert contrast(branding.primary, branding.background) >= LEAST_CONTRAST
        assert contrast(branding.font, branding.background) >= LEAST_CONTRAST


def test_a_colour_that_is_set_alone_is_held_against_the_templates_own() -> None:
    with pytest.raises(InvalidLook, match=r"primary: #ffcc00 on #f3f5f7 has a contrast of 1\.3"):
        changed(Branding(), BrandingChange(primary="#fc0"))
    with pytest.raises(InvalidLook, match="font: #1d2430 on #000000"):
        changed(Branding(), BrandingChange(background="#000"))
    dark = changed(Branding(), BrandingChange(primary="#FC0", background="#000", font="#FFF"))
    assert (dark.primary, dark.background, dark.font) == ("#ffcc00", "#000000", "#ffffff")
    with pytest.raises(InvalidLook, match="font"):
        changed(dark, BrandingChange(font=""))


def test_the_templates_own_colours_can_be_read() -> None:
    for surface in SURFACES:
        assert min(contrast(INK, surface), contrast(ACCENT, surface)) >= LEAST_CONTRAST


def test_a_mixed_colour_lies_between() -> None:
    assert mixed("#ffffff", "#000000", 0.2) == "#333333"
    assert mixed("#102030", "#ffffff", 1.0) == "#102030"


def test_a_change_leaves_the_fields_alone_that_it_does_not_name() -> None:
    one = changed(Branding(), BrandingChange(name=" Acme ", footer="a\r\nb", ip=False))
    assert one == Branding("Acme", footer="a\nb", ip=False)
    two = changed(one, BrandingChange(name="", device=False, logo=a_png()))
    assert (two.name, two.footer, two.ip, two.place, two.device) == ("", "a\nb", False, True, False)
    assert two.logo is not None
    assert changed(two, BrandingChange(logo=b"")).logo is None


@pytest.mark.parametrize(
    ("change", "mistake"),
    [
        (BrandingChange(name="a\nb"), "name: line 1, column 2: a line break"),
        (BrandingChange(name="n" * 101), "name: has 101 bytes; at most 100"),
        (BrandingChange(name="a\u202eb"), r"name: line 1, column 2: U\+202E cannot be shown"),
        (BrandingChange(name="a\ud800b"), r"U\+D800 cannot be shown"),
        (BrandingChange(footer="a\n\0"), r"footer: line 2, column 1: U\+0000"),
        (BrandingChange(font="rgb(1,2,3)"), "font: expected a colour such as #0b5cad"),
        (BrandingChange(logo=b"GIF89a"), "logo: expected a whole PNG or JPEG file"),
        (BrandingChange(name="a\nb", font="x"), "name: .*; font: "),
    ],
)
def test_what_cannot_be_shown_is_refused_with_every_mistake(
    change: BrandingChange, mistake: str
) -> None:
    with pytest.raises(InvalidLook, match=mistake):
        changed(Branding(), change)


def test_a_logo_tells_its_size_and_is_shown_in_one_that_fits() -> None:
    png = parse_logo(a_png(960, 64))
    assert (png.media_type, png.width, png.height) == ("image/png", 960, 64)
    assert png.shown_size == (240, 16)
    jpeg = parse_logo(JPEG)
    assert (jpeg.media_type, jpeg.width, jpeg.height) == ("image/jpeg", 144, 48)
    assert jpeg.shown_size == (144, 48)
    assert parse_logo(a_png(1, 2_000)).shown_size == (1, 64)


@pytest.mark.parametrize(
    ("content", "mistake"),
    [
        (b"", "whole PNG or JPEG"),
        (a_png()[:-1], "whole PNG or JPEG"),
        (a_png() + b"<script>", "whole PNG or JPEG"),
        (a_png(0, 1), "is 0 by 1 pixels"),
        (a_png(2_001, 1), "is 2,001 by 1 pixels"),
        (b"\xff\xd8\xff\xd9", "whole PNG or JPEG"),
        (b"\xff\xd8\xff\xe0\x00\x02" * 3 + b"\xff\xd9", "whole PNG or JPEG"),
        (b"\xff\xd8\xff\xe0\x00\x00" + b"\x00" * 20 + b"\xff\xd9", "whole PNG or JPEG"),
        (bytes(LARGEST + 1), "has 32,769 bytes; at most 32,768"),
    ],
)
def test_what_is_no_small_whole_image_is_no_logo(content: bytes, mistake: str) -> None:
    with pytest.raises(InvalidLook, match=mistake):
        parse_logo(content)


@given(st.binary(max_size=400))
def test_no_bytes_trouble_the_reading_of_a_logo(content: bytes) -> None:
    with pytest.raises(InvalidLook):
        parse_logo(b"\xff\xd8\xff" + content.replace(b"\xc0", b"") + b"\xff\xd9\0")
