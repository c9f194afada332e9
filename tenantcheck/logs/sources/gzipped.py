"""Bytes of a file in blocks, decompressed on the way: any number of gzip members, within bounds."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

from tenantcheck.logs.rows import GapKind

#: Bytes of one block: what every pass over it finds in the cache.
BLOCK = 1 << 19
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
        self.problem: GapKind | None = None
        self._source = self._unzipped() if self._first.startswith(_MAGIC) else self._plain()

    def head(self, size: int) -> bytes:
        """The first bytes, which are handed out all the same."""
        if not self._ready and (block := next(self._source, b"")):
            self._ready.append(block)
        return self._ready[0][:size] if self._ready else b""

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
            data, more = self._next_member(inflater.unused_data)
            read += more

    def _next_member(self, rest: bytes) -> tuple[bytes, int]:
        """What stands behind a member, without the padding between two, and how many bytes were read for it."""
        data, read = rest.lstrip(b"\0"), 0
        while not data and (more := self._file.read(_READ)):
            read += len(more)
            data = more.lstrip(b"\0")
        if data and not data.startswith(_MAGIC[: len(data)]):
            self.problem = "cut-file"
            return b"", read
        return data, read


def _is_of_zlib(error: Exception) -> bool:
    return isinstance(error, zlib.error) or type(error).__name__ in ("IsalError", "error")


class _Inner:
    """What one layer of gzip holds, as a file."""

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = iter(blocks)
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        """Some bytes; none at the end."""
        if not self._rest:
            self._rest = next(self._blocks, b"")
        told, self._rest = self._rest[:size], self._rest[size:]
        return told


class _Twice(Blocks):
    """Blocks of what was packed twice: what CloudWatch packs, Firehose may pack once more."""

    def __init__(self, outer: Blocks) -> None:
        super().__init__(cast(BinaryIO, _Inner(outer)))
        self._outer = outer

    def __iter__(self) -> Iterator[bytes]:
        yield from super().__iter__()
        self.problem = self.problem or self._outer.problem


def blocks_of(file: BinaryIO) -> Blocks:
    """The blocks of an open file."""
    blocks = Blocks(file)
    return _Twice(blocks) if blocks.head(len(_MAGIC)) == _MAGIC else blocks
