"""Work for one thread: what is asked for now goes before what may be asked for later."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Collection

Work = Callable[[], None]
_ANSWERS = 0.5  # seconds that answers in the making have at the end


class Background(threading.Thread):
    """One thread that does the newest urgent piece of work first, then the rest in order."""

    def __init__(self) -> None:
        super().__init__(daemon=True, name="pruning")
        self._waiting: deque[Work] = deque()
        self._something = threading.Condition()
        self._cancelled = False
        self.start()

    def now(self, work: Work) -> None:
        """Before everything that waits."""
        with self._something:
            self._waiting.appendleft(work)
            self._something.notify()

    def later(self, work: Work) -> None:
        """After everything that waits."""
        with self._something:
            self._waiting.append(work)
            self._something.notify()

    def cancel(self) -> None:
        """Drops what waits, and what comes; the piece in hand is still done."""
        with self._something:
            self._cancelled = True
            self._something.notify()

    def run(self) -> None:
        """Works until it is cancelled."""
        while True:
            with self._something:
                self._something.wait_for(lambda: self._waiting or self._cancelled)
                if self._cancelled:
                    return
                work = self._waiting.popleft()
            work()


def end(before: Collection[threading.Thread]) -> None:
    """Ends what runs beside the server, once it serves no more.

    A thread that is in the midst of torch when the interpreter ends takes the process down, with
    words of the C++ library; so the piece of work in hand is waited for.

    Args:
        before: threads that were there before the explorer.
    """
    ours = set(threading.enumerate()) - {*before, threading.current_thread()}
    until = time.monotonic() + _ANSWERS
    for thread in ours:
        if isinstance(thread, Background | threading.Timer):
            thread.cancel()
            thread.join()
    for thread in ours:  # a browser may hold the connection of one that has answered
        thread.join(max(0.0, until - time.monotonic()))
