"""Bring the catalogues up to date with the templates: ``make messages``.

Babel's extract and update, in one step: each file gets the templates' texts in their order,
with the translations it has. A new text is empty until it is translated; one that no template
has any more goes. What stands above the first text, the plural forms among it, is kept.
"""

import sys
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from dispatcher.adapters.mail.templates import default_folder

METHODS: Final = [("**.txt", "jinja2"), ("**.html", "jinja2")]


def extracted(templates: Path) -> Catalog:
    """Return the texts of all templates in a folder."""
    catalog = Catalog()
    found = extract_from_dir(
        str(templates),
        method_map=METHODS,
        options_map={},
        directory_filter=lambda _: True,  # by default Babel passes over _layout
    )
    for _file, _line, text, _comments, _context in found:
        catalog.add(text)
    return catalog


def update_messages(templates: Path) -> None:
    """Write the catalogues of a template folder anew."""
    texts = extracted(templates)
    for path in sorted((templates / "locale").glob("*.po")):
        head = path.read_text(encoding="utf-8").partition("\n\n")[0]
        with path.open("rb") as file:
            catalog = read_po(file, abort_invalid=True)
        catalog.update(texts, no_fuzzy_matching=True)
        body = BytesIO()
        write_po(body, catalog, width=0, no_location=True, omit_header=True, ignore_obsolete=True)
        path.write_text(f"{head}\n\n{body.getvalue().decode().strip()}\n", encoding="utf-8")


if __name__ == "__main__":
    update_messages(Path(sys.argv[1]) if len(sys.argv) > 1 else default_folder())
