"""Group commit: whoever publishes waits for the transaction that holds his publication."""

import threading
from concurrent.futures import Future
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Final, Self

from sqlalchemy import Engine

from domain.model.publications import Publication
from store.engine import writing
from store.errors import DatabaseBusy, DatabaseUnreachable, SchemaOutdated, WriterClosed
from store.projection.upserts import statements_for, write

BATCH_LIMIT: Final = 500
"""Most publications in one transaction."""

_Waiting = tuple[Publication, Future[None]]


class GroupWriter:
    """Writes publications from a thread of its own, as many in a transaction as are waiting.

    One transaction is under way at most and none is put off: a lone publication is written at
    once. `writer` is the id of this process's life; no other life may have the same.
    """

    def __init__(self, engine: Engine, writer: str) -> None:
        self._engine = engine
        self._writer = writer
        self._registered = False
        self._waiting: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="group-writer", daemon=True)
        self._thread.start()

    def put(self, publication: Publication) -> Future[None]:
        """Queue it; the future is done once it is committed, or has the exception that forbade it.

        Raises:
            WriterClosed: after `close`.
        """
        written: Future[None] = Future()
        # a fact is not taken back: a caller who gives up waiting does not cancel the writing
        written.set_running_or_notify_cancel()
        with self._lock:
            if self._closed:
                raise WriterClosed("store writer is closed: it takes no publication any more")
            self._waiting.put((publication, written))
        return written

    def close(self) -> None:
        """Write all that was put, then end the thread; a second call does nothing."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._waiting.put(None)
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _serve(self) -> None:
        while (first := self._waiting.get()) is not None:
            batch, last = self._waiting_after(first)
            self._commit(batch)
            if last:
                return

    def _waiting_after(self, first: _Waiting) -> tuple[list[_Waiting], bool]:
        batch = [first]
        while len(batch) < BATCH_LIMIT:
            try:
                following = self._waiting.get_nowait()
            except Empty:
                break
            if following is None:
                return batch, True
            batch.append(following)
        return batch, False

    def _commit(self, batch: list[_Waiting]) -> None:
        failure = self._attempt(batch)
        if isinstance(failure, DatabaseUnreachable):
            # the connection may be from before a restart of the database
            failure = self._attempt(batch)
        if failure is None:
            for _, written in batch:
                written.set_result(None)
        elif len(batch) == 1 or isinstance(
            failure, DatabaseUnreachable | DatabaseBusy | SchemaOutdated
        ):
            for _, written in batch:
                written.set_exception(failure)
        else:
            for one in batch:
                self._commit([one])

    def _attempt(self, batch: list[_Waiting]) -> Exception | None:
        try:
            with writing(self._engine) as connection:
                if not self._registered:
                    statement = statements_for(connection.dialect.name).writer
                    connection.execute(statement, {"writer": self._writer})
                write(
                    connection,
                    [publication for publication, _ in batch],
                    writer=self._writer,
                    at=datetime.now(UTC),
                )
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to those who wait
            return error
        self._registered = True
        return None
