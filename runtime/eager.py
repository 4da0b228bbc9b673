"""Tasks that begin at once: work that need not wait takes no turn of the event loop.

`asyncio.create_task` begins its work in the next turn. Python 3.12 has eager tasks; before it a
small task of our own does the same.

Source: the part "Extending" of asyncio's documentation (tasks of third parties); `asyncio.Task`
with ``eager_start`` of Python 3.12.
"""

import asyncio
import contextvars
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class EagerTask(asyncio.Future[Result]):
    """Runs a coroutine like `asyncio.Task`, but begins with it when it is made.

    It is what `asyncio.current_task` gives to its coroutine; so `asyncio.timeout` works. It is not
    in `asyncio.all_tasks`: whoever makes one must keep it, and cancel it at the end.

    Args:
        work: The coroutine.
    """

    def __init__(self, work: Coroutine[Any, Any, Result]) -> None:
        super().__init__(loop=asyncio.get_running_loop())
        self._work = work
        self._awaited: asyncio.Future[Any] | None = None
        self._must_cancel = False
        self._cancels = 0
        self._context = contextvars.copy_context()
        current = asyncio.current_task()
        if current is None:
            self._context.run(self._step)
            return
        loop = self.get_loop()
        asyncio.tasks._leave_task(loop, current)  # noqa: SLF001 (documented for such tasks)
        try:
            self._context.run(self._step)
        finally:
            asyncio.tasks._enter_task(loop, current)  # noqa: SLF001 (the same)

    def cancel(self, msg: Any | None = None) -> bool:  # noqa: ANN401 (asyncio's own)
        """Let the coroutine be cancelled; returns False if it has ended."""
        if self.done():
            return False
        self._cancels += 1
        if self._awaited is None or not self._awaited.cancel(msg):
            self._must_cancel = True
        return True

    def cancelling(self) -> int:
        """How often `cancel` was called and not taken back."""
        return self._cancels

    def uncancel(self) -> int:
        """Take a `cancel` back; returns how many are left."""
        self._cancels = max(0, self._cancels - 1)
        return self._cancels

    def _step(self, _awaited: object = None) -> None:
        """Run the coroutine until it waits for something."""
        loop = self.get_loop()
        self._awaited = None
        asyncio.tasks._enter_task(loop, self)  # type: ignore[arg-type]  # noqa: SLF001 (the same)
        try:
            if self._must_cancel:
                self._must_cancel = False
                awaited = self._work.throw(asyncio.CancelledError())
            else:
                awaited = self._work.send(None)
        except StopIteration as end:
            self.set_result(end.value)
        except asyncio.CancelledError:
            super().cancel()
        except BaseException as error:  # as asyncio has it
            self.set_exception(error)
            if isinstance(error, KeyboardInterrupt | SystemExit):
                raise
        else:
            if awaited is None:
                loop.call_soon(self._step, context=self._context)
            else:
                awaited._asyncio_future_blocking = False  # noqa: SLF001 (asyncio's protocol)
                awaited.add_done_callback(self._step, context=self._context)
                self._awaited = awaited
                if self._must_cancel and awaited.cancel():
                    self._must_cancel = False
        finally:
            asyncio.tasks._leave_task(loop, self)  # type: ignore[arg-type]  # noqa: SLF001 (the same)


def begin(work: Coroutine[Any, Any, Result]) -> asyncio.Future[Result]:
    """Begin a coroutine now; what is left when it waits runs as a task.

    Returns:
        Its task, which may be done; the caller must keep it.
    """
    if sys.version_info >= (3, 12):
        loop = asyncio.get_running_loop()
        return asyncio.Task(work, loop=loop, eager_start=True)
    return EagerTask(work)
