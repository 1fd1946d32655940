"""Takes the console's pictures for the documentation: ``python -m tests.console_pictures``."""

import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

from tests.acceptance.browser import a_browser, a_page, running, sign_in
from tests.contract.console.booth import work

_FOLDER: Final = Path("docs/images")
_WIDE: Final = {"width": 1120, "height": 760}
_PHONE: Final = {"width": 390, "height": 760}
_PICTURES: Final[dict[str, tuple[str, str, dict[str, int]]]] = {
    "overview": ("/console/", "light", _WIDE),
    "overview-dark": ("/console/", "dark", _WIDE),
    "deliveries": ("/console/deliveries", "light", _WIDE),
    "story": ("/console/delivery/evt-refused?org=acme", "light", {"width": 1120, "height": 610}),
    "letters": ("/console/dead-letters", "dark", {"width": 1120, "height": 480}),
    "policy": ("/console/policy/acme", "light", {"width": 1120, "height": 610}),
    "workers": ("/console/workers", "dark", {"width": 1120, "height": 500}),
    "connections": ("/console/connections", "light", {"width": 1120, "height": 400}),
    "phone": ("/console/", "light", _PHONE),
    "phone-letters": ("/console/dead-letters", "dark", _PHONE),
}


def main() -> None:
    """Take them all."""
    with a_browser() as browser, running() as console:
        console.do(work)
        for name, (address, scheme, size) in _PICTURES.items():
            options: dict[str, Any] = {"color_scheme": scheme, "viewport": size}
            with a_page(browser, console, **options) as page:
                sign_in(page, console)
                page.goto(address)
                path = _FOLDER / f"console-{name}.png"
                page.screenshot(path=path)
            if shutil.which("pngquant"):
                squeeze = (
                    "pngquant",
                    "--force",
                    "--skip-if-larger",
                    "--ext",
                    ".png",
                    "--speed",
                    "1",
                )
                subprocess.run((*squeeze, "64", path), check=True)


if __name__ == "__main__":
    main()
