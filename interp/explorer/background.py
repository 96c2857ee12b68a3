"""Work for one thread: what is asked for now goes before what may be asked for later."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

Work = Callable[[], None]


class Background:
    """One thread that does the newest urgent piece of work first, then the rest in order."""

    def __init__(self) -> None:
        self._waiting: deque[Work] = deque()
        self._something = threading.Condition()
        threading.Thread(target=self._run, daemon=True, name="pruning").start()

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

    def _run(self) -> None:
        while True:
            with self._something:
                self._something.wait_for(lambda: self._waiting)
                work = self._waiting.popleft()
            work()
