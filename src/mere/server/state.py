"""What one worker process has: the warehouse, its threads, and how it writes and keeps up."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from mere.clock import Clock
from mere.config import ServerSettings, environment
from mere.entities.actor import Action, Actor, Scope
from mere.errors import ErrorCode, MereError, Unauthenticated
from mere.lake.objects.pool import RequestPool
from mere.lake.records import Batch
from mere.server.committing import GroupCommit
from mere.server.limits import Deadlines, RateLimit
from mere.server.observing import RequestIds, flush_requests
from mere.server.signin.identify import SignIn
from mere.services.warehouse import Warehouse, close_warehouses, open_warehouse

if TYPE_CHECKING:
    from mere.server.operations import Call, Operation

__all__ = ["ServerState"]

_log = logging.getLogger("mere.server")
_T = TypeVar("_T")
_IDLE_S = 10.0


class ServerState:
    """One worker's state; made when its event loop runs.

    Args:
        settings: How to serve.
        operations: All that can be asked.
        warehouse: What to serve; by default, the one that the settings name.
    """

    def __init__(
        self,
        settings: ServerSettings,
        operations: tuple[Operation, ...] = (),
        warehouse: Warehouse | None = None,
    ) -> None:
        self.settings = settings
        self.operations = operations
        self._is_own = warehouse is None
        self.warehouse = warehouse or open_warehouse(settings.warehouse)
        self.clock: Clock = self.warehouse.clock
        self.threads = RequestPool(settings.threads, thread_name_prefix="mere reads")
        # Writing has a thread of its own: it must not wait until slow reads are done.
        self._writing = RequestPool(1, thread_name_prefix="mere writes")
        self.commits = GroupCommit(self._write, self._writing)
        self.sign_in = SignIn(self.warehouse.access, settings, environment())
        self.rate = RateLimit(settings.rate_per_s, self.clock)
        self.deadlines = Deadlines(settings.request_s_max, self.clock)
        self.request_ids = RequestIds(self.clock)
        self.is_stopping = False
        self.asked_at = 0.0
        """When the last request came, by the monotonic clock."""
        self._tasks: list[asyncio.Task[None]] = []

    async def in_thread(self, function: Callable[..., _T], *args: Any) -> _T:
        """Do what blocks in a worker thread."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, function, *args)

    async def identify(self, call: Call) -> Actor:
        """Who asks; whoever cannot say is nobody.

        Raises:
            Unauthenticated: What was shown is wrong or has expired.
            PermissionDenied: The request comes from a page of somebody else.
        """
        return await self.sign_in.identify(call)

    async def admit(self, call: Call) -> None:
        """Let pass who may ask for this at all; nothing of the request's data is read yet.

        Raises:
            Unauthenticated: Nobody has signed in.
            PermissionDenied: The right is missing.
        """
        needed = call.operation.permission
        if needed.is_public:
            return
        if not call.actor.is_known:
            raise Unauthenticated(
                ErrorCode.SIGN_IN_REQUIRED, "sign in first: with a password, a token or a session"
            )
        if needed.action is not None:
            # On what is in the body; whoever may do it to nothing at all is refused before that.
            scope = Scope.warehouse() if needed.scope is None else Scope.anything()
            await self._authorize(call.actor, needed.action, scope)

    async def admit_to_scope(self, call: Call) -> None:
        """Let pass who may do this to what the request names; raises as `admit` does."""
        needed = call.operation.permission
        if needed.action is not None and needed.scope is not None:
            await self._authorize(call.actor, needed.action, needed.scope(call))

    async def _authorize(self, actor: Actor, action: Action, scope: Scope) -> None:
        access = self.warehouse.access
        if not access.allows_quickly(actor, action, scope):
            await self.in_thread(access.authorize, actor, action, scope)

    async def start(self) -> None:
        """Make what every warehouse has, and begin to keep up with what others write."""
        await self.in_thread(self.sign_in.begin)
        self._tasks.append(asyncio.create_task(self._keep_up()))
        self._tasks.append(asyncio.create_task(self.deadlines.watch()))

    def warm_up(self) -> None:
        """Load beside the first requests what they will need; for a process that only serves."""

        def load() -> None:
            with contextlib.suppress(MereError):
                self.warehouse.lake.sql("select count(*) from experiments")
            # What is there now is there for good: to look through it for garbage, again and
            # again, would hold up all requests for a tenth of a second each time.
            gc.collect()
            gc.freeze()

        self._tasks.append(asyncio.create_task(self.in_thread(load)))

    async def stop(self) -> None:
        """Make durable what is under way, then let go of everything."""
        self.is_stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.commits.drain()
        await self.sign_in.close()
        self.threads.shutdown(wait=True, cancel_futures=True)
        self._writing.shutdown(wait=True)
        if self._is_own:
            close_warehouses()

    def _write(self, batch: Batch) -> None:
        with self.warehouse.lake.batch() as writing:
            writing.records.extend(batch)

    async def _keep_up(self) -> None:
        """Look for what other processes wrote, so that no request has much to catch up with.

        Not while nobody asks for anything: each look is a request to the store.
        """
        # A little sooner than what is known of runs gets too old to go by.
        pause_s = self.settings.refresh_s * 0.6
        while True:
            await asyncio.sleep(pause_s)
            flush_requests()
            if self.clock.monotonic() - self.asked_at > _IDLE_S:
                continue
            with contextlib.suppress(MereError):
                await self.in_thread(self.warehouse.logging.gate.catch_up)
