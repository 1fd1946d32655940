"""Folders that nobody else can read, and socket paths short enough for the kernel."""

import hashlib
import os
import stat
import tempfile
from pathlib import Path
from typing import Final

from dispatcher.errors import ConfigError

MAX_SOCKET_PATH: Final = 103
"""Bytes of a unix socket's path: ``sun_path`` has 104 on macOS and 108 on Linux, one is NUL."""


def make_private(folder: Path) -> Path:
    """Make ``folder``, or check that it is ours, readable by its owner alone; return it resolved.

    Raises:
        ConfigError: It belongs to someone else, is not a folder, or cannot be made.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder = folder.resolve()
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.stat().st_uid == os.geteuid():
            folder.chmod(0o700)
    except OSError as error:
        raise ConfigError(f"cannot use the folder {folder}: {error.strerror}") from error
    _check_private(folder)
    return folder


def socket_path(folder: Path, name: str) -> Path:
    """Return where the socket of ``folder`` goes, making a private short folder if it must.

    A path too long for the kernel is replaced by one under the temporary folder,
    named by our user and a digest of the long one; ``name`` in ``folder`` is then
    a symbolic link to it, so that a process with another ``TMPDIR`` finds it too.

    Raises:
        ConfigError: Someone else owns the short folder, or it is open to others.
    """
    path = folder / name
    if len(os.fsencode(path)) <= MAX_SOCKET_PATH:
        return path
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    short = Path(tempfile.gettempdir()).resolve() / f"dispatcher-{os.geteuid()}-{digest}"
    try:
        # Not exist_ok: what is already there may be a link that someone else planted.
        short.mkdir(mode=0o700)
    except FileExistsError:
        _check_private(short)
    _point(path, short / name)
    return short / name


def find_socket(folder: Path, name: str) -> Path:
    """Return where the socket of ``folder`` is, without making anything.

    Raises:
        ConfigError: It lies in a folder that is not private to us.
    """
    path = folder.resolve() / name
    if not path.is_symlink():
        return path
    target = path.readlink()
    if target.parent.exists():
        _check_private(target.parent)
    return target


def _check_private(folder: Path) -> None:
    # lstat: a link to a private folder is not a private folder.
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise ConfigError(f"{folder} is not a folder; remove it or choose another place")
    if status.st_uid != os.geteuid():
        raise ConfigError(f"{folder} belongs to another user; set DISPATCHER_DATA_DIR")
    if status.st_mode & 0o077:
        raise ConfigError(f"{folder} is open to other users; run: chmod 700 {folder}")


def _point(link: Path, target: Path) -> None:
    if link.is_symlink() and link.readlink() == target:
        return
    link.unlink(missing_ok=True)
    link.symlink_to(target)
