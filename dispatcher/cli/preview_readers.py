"""Imaginary readers, one for each language: named, and where, as people are who speak it."""

from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True, slots=True)
class Reader:
    """Who changed something, and from where.

    Args:
        name: As they write it themselves; "" for none.
        login_name: What an administrator made of it, in ASCII.
        place: From where, in words.
        client: The application, by its name.
        organization: What their organization calls itself, where it has a look of its own.
    """

    name: str
    login_name: str | None = None
    place: str | None = None
    client: str | None = None
    organization: str = "Globex Identity"


_ENGLISH: Final = Reader("Ada Lovelace", "a.lovelace", "Vienna, Austria", "Account portal")

SILENT: Final = Reader("")
LONG: Final = Reader(
    "Pablo Diego José Francisco de Paula Juan Nepomuceno María de los Remedios Cipriano Ruiz",
    "donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
    "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch, Anglesey, Wales",
    "The customer portal of the association of municipal water and energy suppliers",
)
HOSTILE: Final = Reader(
    "<img src=x onerror=alert(1)> {{ 7 * 7 }}\r\nBcc: all@example.org",
    "\u202egro.elpmaxe@ada\u202c <script>alert(1)</script>",
    "https://evil.example/verify?token=1",
    "Call +1 555 0100 {% for x in range(9**9) %}",
)

_READERS: Final = {
    "ar": Reader("ليلى حداد", "l.haddad", "القاهرة، مصر", "بوابة الحسابات", "جلوبكس"),
    "bg": Reader(
        "Иванка Петрова", "i.petrova", "Пловдив, България", "Портал за профили", "Глобекс"
    ),
    "cs": Reader("Božena Němcová", "b.nemcova", "Brno, Česko", "Portál účtů"),
    "de": Reader("Jürgen Müßig", "j.muessig", "Graz, Österreich", "Kontoportal"),
    "es": Reader("Íñigo Núñez", "i.nunez", "Sevilla, España", "Portal de cuentas"),
    "fa": Reader("شیرین رضایی", "s.rezaei", "شیراز، ایران", "درگاه کاربران", "گلوبکس"),
    "fr": Reader("Zoé Lefèvre", "z.lefevre", "Orléans, France", "Portail des comptes"),
    "he": Reader("נועה לוי", "n.levi", "חיפה, ישראל", "פורטל החשבונות", "גלובקס"),
    "hu": Reader("Őrsi Gyöngyvér", "gy.orsi", "Győr, Magyarország", "Fiókportál"),
    "id": Reader("Siti Rahmawati", "s.rahmawati", "Bandung, Indonesia", "Portal akun"),
    "it": Reader("Niccolò Perché", "n.perche", "Forlì, Italia", "Portale degli account"),
    "ja": Reader("山田 花子", "h.yamada", "神戸市、日本", "アカウントポータル", "グローベックス"),
    "ko": Reader("김서연", "sy.kim", "대한민국 부산", "계정 포털", "글로벡스"),
    "mk": Reader(
        "Ѓорѓи Џамбазов", "gj.dzambazov", "Охрид, Македонија", "Портал за сметки", "Глобекс"
    ),
    "nl": Reader("Anneke van 't Hoff", "a.vanthoff", "Utrecht, Nederland", "Accountportaal"),
    "pl": Reader("Łucja Żółkiewska", "l.zolkiewska", "Łódź, Polska", "Portal kont"),
    "pt": Reader("João Conceição", "j.conceicao", "Évora, Portugal", "Portal de contas"),
    "pt-BR": Reader("João Conceição", "j.conceicao", "São Paulo, Brasil", "Portal de contas"),
    "ro": Reader("Ștefan Țăranu", "s.taranu", "Iași, România", "Portalul conturilor"),
    "ru": Reader(
        "Анна Королёва", "a.koroleva", "Казань, Россия", "Портал учётных записей", "Глобекс"
    ),
    "sv": Reader("Åsa Björklöf", "a.bjorklof", "Malmö, Sverige", "Kontoportal"),
    "tr": Reader("Işıl Güngör", "i.gungor", "İzmir, Türkiye", "Hesap portalı"),  # noqa: RUF001 - Turkish has that letter
    "uk": Reader("Ґанна Їжакевич", "h.yizhakevych", "Львів, Україна", "Портал записів", "Глобекс"),
    "zh": Reader("王小明", "xm.wang", "中国杭州", "账号门户", "环球身份"),
    "zh-Hant": Reader("王小明", "xm.wang", "臺灣臺南", "帳號入口網站", "環球身分"),
}


def reader_of(language: str) -> Reader:
    """Return the reader whose language this is, a BCP 47 tag; an English one for any other."""
    return _READERS.get(language) or _READERS.get(language.partition("-")[0], _ENGLISH)


def told_in_english(reader: Reader) -> Reader:
    """Return a reader whose IAM names places and applications in English only, as many do."""
    return replace(reader, place=_ENGLISH.place, client=_ENGLISH.client)
