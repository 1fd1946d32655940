"""The inbox end of DATA: finding the final dot in what has come so far."""

_LARGEST = 64 * 1024 * 1024
_END = b"\r\n.\r\n"


class Inlet:
    """Collects bytes and gives them out as lines or as a whole content."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0

    def feed(self, received: bytes) -> None:
        self._buffer += received
        assert len(self._buffer) < _LARGEST

    def clear(self) -> None:
        self._buffer.clear()

    def line(self) -> bytes | None:
        """Return the next line without its end, or None when it is not there yet."""
        end = self._buffer.find(b"\n")
        if end < 0:
            return None
        line = bytes(self._buffer[:end]).rstrip(b"\r")
        del self._buffer[: end + 1]
        return line

    def content(self) -> bytes | None:
        """Return what came before the final dot, or None when that is not there yet."""
        buffer = self._buffer
        if buffer.startswith(b".\r\n"):
            del buffer[:3]
            return b""
        end = buffer.find(_END, self._scanned)
        if end < 0:
            self._scanned = max(len(buffer) - len(_END) + 1, 0)
            return None
        content = bytes(buffer[: end + 2])
        del buffer[: end + len(_END)]
        self._scanned = 0
        return content
