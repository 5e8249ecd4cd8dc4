"""From one run's worker into the warehouse, or onto the disk while that cannot be reached.

The run's row is written with its first segment. A run that is taken up again keeps its row, its
params and the steps of its metrics. A process that only takes part in a run (a forked child, a
rank) sends points and leaves the row to the run's own.

Each sending is packed once. While the store answers, it is put from memory. What it does not take
in time goes to the outbox, with the name it was tried under, and everything after it too, until
all that waits there has been sent. So at any moment what is not stored is on disk, but for what
was logged since the last sending.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mere.client.beginning import Beginning, RunSpec, begin, spooled
from mere.client.capture import capture, user_name
from mere.client.hand import Hand, Job
from mere.client.intake import Intake
from mere.client.origin import Origin
from mere.client.outbox import Outbox, outbox_of
from mere.entities.metric import Points
from mere.errors import AlreadyExists, InvalidInput, MereError, Unavailable
from mere.lake.sealed import AT_SENDING, Sealed, Stream, pack
from mere.services.runs.metrics import Line, run_batch
from mere.services.warehouse import Warehouse, open_warehouse

__all__ = ["Delivery", "RunSpec"]

_FOLD_AT_END_SEGMENTS = 64
_FOLD_MIDWAY_SEGMENTS = 1024
_LOOK_EVERY_SEGMENTS = 256
_PATIENCE_S = (0.25, 2.0)


class Delivery:
    """Sends one run's data; for one worker thread.

    Args:
        spec: The run.
        is_owner: Whether this process writes the run's row.
        interval_s: How often it sends; about as long it waits for the store.
    """

    def __init__(self, spec: RunSpec, *, is_owner: bool, interval_s: float = 1.0) -> None:
        self._spec = spec
        self._patience_s = min(max(interval_s, _PATIENCE_S[0]), _PATIENCE_S[1])
        self._is_owner = is_owner
        self._hand = Hand(f"mere store {spec.name}")
        self._outbox = outbox_of(spec.url)
        self._warehouse: Warehouse | None = None
        self._stream: Stream | None = None
        self._origin = Origin(spec, self._outbox)
        self._opening: Job[Beginning] | None = None
        self._sending: Job[MereError | None] | None = None
        self._stuck: _Attempt | None = None
        self._late: Job[Beginning] | None = None
        self._sent = 0
        self.experiment_id: str | None = None
        self.has_begun = threading.Event()

    @property
    def is_resumed(self) -> bool:
        """Whether it must be asked first what the run knows from before."""
        return self._is_owner and self._spec.is_resumed

    @property
    def is_behind(self) -> bool:
        """Whether something sent was not stored yet."""
        return self._stuck is not None or self._outbox.waiting() > 0

    @property
    def _is_to_wait(self) -> bool:
        """Whether what is sent now has to wait on disk, behind what does."""
        return self._stream is None or self.is_behind

    @property
    def folder(self) -> Path | None:
        """Where what is not stored waits."""
        return self._outbox.folder if self._outbox.waiting() else None

    def start(self) -> None:
        """Start the thread that asks the store, and the one that looks where the run is from."""
        self._hand.start()
        if self._is_owner:
            self._origin.start()

    def begin(self, intake: Intake, wait_s: float) -> bool:
        """Open the warehouse, find or create the experiment, and prepare the run's row.

        Returns:
            Whether that is done; if not, it goes on, and may be asked for again.
        """
        if self._opening is None:
            self._opening = self._hand.give(self._open)
        if not self._opening.wait(wait_s):
            return False
        opening, self._opening = self._opening, None
        beginning = opening.result()
        beginning.tell(intake)
        intake.take_back(Points(), beginning.row)
        if not beginning.is_whole:
            self._origin.owe()
        self.has_begun.set()
        return True

    def begin_on_disk(self) -> None:
        """Leave it to whoever reaches the warehouse to write the run's row.

        Raises:
            Unavailable: The disk does not take it.
        """
        if self._is_owner:
            captured, is_whole = self._origin.first(0.0)
            try:
                for data in captured.objects.values():
                    self._outbox.hold("code", {}, data)
            except Unavailable:  # no room for files; the run's row may find some
                captured, is_whole = capture(is_wanted=False), False
            meta = spooled(self._spec, captured, user_name(), self._outbox.tick())
            self._outbox.hold("begin", meta)
            if not is_whole:
                self._origin.owe()
        self._late, self._opening = self._opening, None

    def send(self, points: Points, changes: Mapping[str, Any], lines: Sequence[Line] = ()) -> None:
        """Make points, changes and lines durable as one segment: in the store, or on disk.

        Raises:
            InvalidInput: They can never be stored.
            Unavailable: Neither store nor disk takes them. Where ``details["kept"]`` is true they
                are kept here.
        """
        self._unstick(is_new=False)
        if self._is_to_wait:
            self._outbox.check_room()  # before anything is converted and packed in vain
        batch = run_batch(self._spec.run_id, points, changes, lines, end_at=AT_SENDING)
        if not batch.records:
            return
        is_last = self._is_owner and changes.get("ended_at") is not None
        tick = self._outbox.tick()
        stream = self._stream
        if stream is None or self._is_to_wait:
            self._outbox.hold_parcel(pack(batch, tick, is_last=is_last))
            return
        sealed = stream.seal_batch(batch, tick, is_last=is_last)
        attempt = _Attempt(lambda: pack(batch, tick, is_last=is_last), sealed, self._outbox)
        job = self._hand.give(lambda: attempt.put(stream))
        error: MereError | None = None
        if job.wait(self._patience_s):
            try:
                job.result()
            except AlreadyExists:
                # A foreign object is in the way, so nothing was stored: it gets another name.
                self._outbox.hold_parcel(pack(batch, tick, is_last=is_last))
                return
            except InvalidInput:
                raise
            except MereError as failure:
                error = failure
            else:
                self._sent += 1
                return
        self._stuck = attempt
        self._unstick(is_new=True)
        if error is not None:
            raise Unavailable(error.code, error.message, **{**error.details, "kept": True})

    def catch_up(self, wait_s: float) -> MereError | None:
        """Send what waits, in the background; return what failed, once that is known.

        Args:
            wait_s: How long to wait for that.
        """
        if self._sending is None:
            self._sending = self._hand.give(self._send_waiting)
        if not self._sending.wait(wait_s):
            return None
        sending, self._sending = self._sending, None
        return sending.result()

    def await_origin(self, timeout_s: float) -> None:
        """Wait until it is known where the run comes from."""
        self._origin.wait(timeout_s)

    def tell_late(self, intake: Intake) -> None:
        """Pass on what came to be known of the run too late to begin with it."""
        warehouse = None if self.is_behind else self._warehouse
        self._origin.tell(intake, self._hand, warehouse, self._patience_s)
        if self._late is not None and self._late.is_done:
            late, self._late = self._late, None
            try:
                late.result().tell(intake)
            except MereError:
                return

    def tidy(self, *, is_last: bool, wait_s: float) -> None:
        """Fold, if the tail is long: at the end of a run, and rarely in between."""
        if self._warehouse is None or not (is_last or self._sent >= _LOOK_EVERY_SEGMENTS):
            return
        self._sent = 0
        warehouse = self._warehouse
        limit = _FOLD_AT_END_SEGMENTS if is_last else _FOLD_MIDWAY_SEGMENTS

        def fold() -> None:
            if warehouse.tail_segments() > limit:
                warehouse.lake.fold()

        self._hand.give(fold).wait(wait_s)

    def stop(self) -> None:
        """Let the thread end, and the spool go if nothing waits."""
        self._hand.stop()
        self._outbox.close()

    def _unstick(self, *, is_new: bool) -> None:
        """Put on disk what the store did not take; until the disk takes it, it is kept here."""
        stuck = self._stuck
        if stuck is not None:
            try:
                stuck.hold()
            except Unavailable as error:
                error.details["kept"] = is_new
                raise
            self._stuck = None

    def _send_waiting(self) -> MereError | None:
        """In the hand's thread: send the outbox, then go on directly."""
        error = self._outbox.send().error
        if error is None:
            self._reach(open_warehouse(self._spec.url))
            stuck = self._stuck
            if stuck is not None and stuck.put_again(self._stream):
                self._stuck = None
        return error

    def _reach(self, warehouse: Warehouse) -> None:
        if self._stream is None:
            self._outbox.follow(warehouse.lake.tick)
            self._stream = warehouse.lake.stream()
            self._warehouse = warehouse
            self._outbox.adopt_others()
        if self.experiment_id is None and self._is_owner:
            found = warehouse.experiments.get_or_create(self._spec.experiment)
            self.experiment_id = found.experiment_id

    def _open(self) -> Beginning:
        """In the hand's thread: what has to be known before the run's first segment."""
        warehouse = open_warehouse(self._spec.url)
        beginning = Beginning()
        if self._is_owner:
            captured, is_whole = self._origin.first()
            beginning = begin(warehouse, self._spec, captured, user_name())
            beginning.is_whole = is_whole
            self.experiment_id = beginning.experiment_id
        self._reach(warehouse)
        return beginning


class _Attempt:
    """A segment that is being put, or was put in vain.

    Args:
        parcel: Packs its batch.
        sealed: The segment.
        outbox: Where it waits if the store does not take it in time.
    """

    def __init__(self, parcel: Callable[[], bytes], sealed: Sealed, outbox: Outbox) -> None:
        self._parcel = parcel
        self._sealed = sealed
        self._outbox = outbox
        self._lock = threading.Lock()
        self._entry: Any = None
        self._is_stored = False

    def put(self, stream: Stream) -> None:
        """Put it; if it was given up meanwhile, it need not wait on disk any more."""
        stream.put(self._sealed)
        with self._lock:
            self._is_stored = True
            if self._entry is not None:
                self._outbox.forget(self._entry)

    def put_again(self, stream: Stream | None) -> bool:
        """Put it after all; return whether that is done."""
        if stream is None:
            return False
        if not stream.was_put(self._sealed):
            self._sealed = stream.seal(self._parcel())
            stream.put(self._sealed)
        with self._lock:
            self._is_stored = True
        return True

    def hold(self) -> None:
        """Leave it to the outbox; raises as that does."""
        with self._lock:
            if not self._is_stored:
                self._entry = self._outbox.hold_parcel(self._parcel(), self._sealed)
