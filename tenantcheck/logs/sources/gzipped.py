"""Bytes of a file in blocks, decompressed on the way: any number of gzip members, within bounds."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

from tenantcheck.logs.rows import GapKind

#: Bytes of one block: what every pass over it finds in the cache.
BLOCK = 1 << 20
_READ = 1 << 17
_MAGIC = b"\x1f\x8b"
#: A file that unpacks to more than this, and to so many times its size, is no log.
_BOMB_BYTES = 1 << 30
_BOMB_TIMES = 400


def _inflater() -> Any:
    """What unpacks one gzip member: isal's where it is installed, which is faster, else zlib's."""
    try:
        from isal import isal_zlib
    except ImportError:
        return zlib.decompressobj(wbits=31)
    return isal_zlib.decompressobj(wbits=31)


class Blocks:
    """The blocks of one file; `problem` says afterwards what is wrong with it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._first = file.read(_READ)
        self._ready: list[bytes] = []
        self._source = self._unzipped() if self._first.startswith(_MAGIC) else self._plain()
        self.problem: GapKind | None = None

    def head(self, size: int) -> bytes:
        """The first bytes, which are handed out all the same."""
        block = next(self._source, b"")
        if block:
            self._ready.append(block)
        return block[:size]

    def __iter__(self) -> Iterator[bytes]:
        while self._ready:
            yield self._ready.pop()
        yield from self._source

    def _plain(self) -> Iterator[bytes]:
        block, self._first = self._first, b""
        while block:
            yield block
            block = self._file.read(BLOCK)

    def _unzipped(self) -> Iterator[bytes]:
        data, self._first = self._first, b""
        read, told = len(data), 0
        while data:
            inflater = _inflater()
            while not inflater.eof:
                try:
                    block = inflater.decompress(data, BLOCK)
                except Exception as error:
                    if not _is_of_zlib(error):
                        raise
                    self.problem = "cut-file"
                    return
                if block:
                    told += len(block)
                    if told > _BOMB_BYTES and told > _BOMB_TIMES * read:
                        self.problem = "bomb"
                        return
                    yield block
                data = inflater.unconsumed_tail
                if not data and not inflater.eof:
                    data = self._file.read(_READ)
                    read += len(data)
                    if not data:
                        self.problem = "cut-file"
                        return
            data = inflater.unused_data or self._file.read(_READ)
            read += 0 if inflater.unused_data else len(data)
            data = data.lstrip(b"\0")  # padding between members
            if data and not data.startswith(_MAGIC[: len(data)]):
                self.problem = "cut-file"
                return


def _is_of_zlib(error: Exception) -> bool:
    return isinstance(error, zlib.error) or type(error).__name__ in ("IsalError", "error")


def blocks_of(file: BinaryIO) -> Blocks:
    """The blocks of an open file."""
    return Blocks(file)
