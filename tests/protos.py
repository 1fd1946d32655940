"""Make Python of our .proto files: ``make protos``."""

import re
from importlib.resources import files
from pathlib import Path
from typing import Final

from grpc_tools import protoc

FOLDER: Final = Path(__file__).parent.parent / "dispatcher" / "web" / "protos"
_PACKAGE: Final = "dispatcher.web.protos"
_OURS: Final = re.compile(r"^(from|import) (?=zitadel\b|rpc\b)", re.MULTILINE)


def sources() -> list[str]:
    """Return our .proto files, by the names that they import each other by."""
    return sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.proto"))


def protoc_run(*options: str) -> None:
    """Run protoc over our files.

    Raises:
        RuntimeError: It refused; it has said why.
    """
    known = files("grpc_tools") / "_proto"
    if protoc.main(["protoc", f"-I{FOLDER}", f"-I{known}", *options, *sources()]):
        raise RuntimeError("protoc refused our .proto files")


def generate() -> None:
    """Write the code beside the files it is made of."""
    protoc_run(f"--python_out={FOLDER}", f"--pyi_out={FOLDER}")
    for path in [*FOLDER.rglob("*_pb2.py"), *FOLDER.rglob("*_pb2.pyi")]:
        # protoc takes the folder for the root of all packages; ours has a place in one.
        path.write_text(_OURS.sub(rf"\1 {_PACKAGE}.", path.read_text()))


if __name__ == "__main__":
    generate()
