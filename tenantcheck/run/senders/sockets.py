"""What a client waits for on its sockets, behind one descriptor that the event loop watches.

Watching every socket by the loop itself costs about as much per request as the request.
"""

from __future__ import annotations

import select
import selectors
from collections.abc import Iterator
from contextlib import suppress
from typing import Protocol

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Sockets(Protocol):
    """Sockets of one client. `READ` and `WRITE` are flags."""

    def fileno(self) -> int:
        """The descriptor that is readable when some socket is ready."""
        ...

    def want(self, descriptor: int, events: int) -> None:
        """From now on, wait for these events on a socket."""
        ...

    def leave(self, descriptor: int) -> None:
        """A socket is idle, and may be closed at any time."""
        ...

    def ready(self) -> Iterator[tuple[int, int]]:
        """The sockets that are ready, and for what: 0 for an idle one on which something came all the same. That one
        is not watched any more."""
        ...

    def close(self) -> None:
        """Wait for nothing any more."""
        ...


class SelectorSockets:
    """By the selector of the platform."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._wanted: set[int] = set()

    def fileno(self) -> int:
        return self._selector.fileno()

    def want(self, descriptor: int, events: int) -> None:
        self._wanted.add(descriptor)
        self._forget(descriptor)
        self._selector.register(descriptor, events)

    def _forget(self, descriptor: int) -> None:
        if descriptor in self._selector.get_map():
            self._selector.unregister(descriptor)

    def leave(self, descriptor: int) -> None:
        self._wanted.discard(descriptor)

    def ready(self) -> Iterator[tuple[int, int]]:
        for key, events in self._selector.select(0):
            if key.fd in self._wanted:
                yield key.fd, events
                continue
            self._forget(key.fd)
            if events & READ:
                yield key.fd, 0
            else:  # it can still be written to, which nobody waits for any more
                self._selector.register(key.fd, READ)

    def close(self) -> None:
        self._selector.close()


class EpollSockets:
    """By Linux's epoll, which forgets a socket by itself when that is closed, and is asked what it knows: from one
    request of a socket to the next there is one thing to tell."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._wanted: set[int] = set()

    def fileno(self) -> int:
        return self._epoll.fileno()

    def want(self, descriptor: int, events: int) -> None:
        self._wanted.add(descriptor)
        try:
            self._epoll.modify(descriptor, _EPOLL[events])
        except FileNotFoundError:
            self._epoll.register(descriptor, _EPOLL[events])

    def leave(self, descriptor: int) -> None:
        self._wanted.discard(descriptor)

    def ready(self) -> Iterator[tuple[int, int]]:
        for descriptor, happened in self._epoll.poll(0):
            if descriptor not in self._wanted:
                yield from self._happened_idle(descriptor, happened)
            elif happened == select.EPOLLIN:
                yield descriptor, READ
            else:
                failed = happened & (select.EPOLLERR | select.EPOLLHUP)
                read = READ if failed or happened & select.EPOLLIN else 0
                yield descriptor, read | (WRITE if failed or happened & select.EPOLLOUT else 0)

    def _happened_idle(self, descriptor: int, happened: int) -> Iterator[tuple[int, int]]:
        with suppress(OSError):  # closed in the meantime
            if happened == select.EPOLLOUT:  # it can still be written to, which nobody waits for any more
                self._epoll.modify(descriptor, select.EPOLLIN)
                return
            self._epoll.unregister(descriptor)
        yield descriptor, 0

    def close(self) -> None:
        self._epoll.close()


if hasattr(select, "epoll"):
    _EPOLL = {READ: select.EPOLLIN, WRITE: select.EPOLLOUT, READ | WRITE: select.EPOLLIN | select.EPOLLOUT}


def open_sockets() -> Sockets:
    """The cheapest there is."""
    return EpollSockets() if hasattr(select, "epoll") else SelectorSockets()
