"""Group commit: each caller waits for the transaction that writes its publication."""

import threading
from concurrent.futures import Future
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Final, Self

from sqlalchemy import Engine

from domain.model.publications import Publication
from store.engine import write_connection
from store.errors import DatabaseBusy, DatabaseUnreachable, SchemaOutdated, WriterClosed
from store.projection.upserts import statements_for, write_publications

MAX_BATCH: Final = 500
"""Publications in one transaction."""

_Waiting = tuple[Publication, Future[None]]


class GroupWriter:
    """Writes publications from a thread of its own, all that are waiting in one transaction.

    There is one transaction at a time, and it begins at once, even for a single publication.
    `writer` is the id of this run of the process; no other run may have the same.
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
        """Queue a publication; return a future that is done once it is committed or has failed.

        Raises:
            WriterClosed: after `close`.
        """
        written: Future[None] = Future()
        # a caller that stops waiting does not cancel the write: the change has happened
        written.set_running_or_notify_cancel()
        with self._lock:
            if self._closed:
                raise WriterClosed("store writer is closed: it takes no more publications")
            self._waiting.put((publication, written))
        return written

    def close(self) -> None:
        """Write what is queued, then end the thread; a second call does nothing."""
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
            batch, is_last = self._batch_from(first)
            self._commit(batch)
            if is_last:
                return

    def _batch_from(self, first: _Waiting) -> tuple[list[_Waiting], bool]:
        batch = [first]
        while len(batch) < MAX_BATCH:
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
            # one of them has failed the transaction: commit each alone
            for each in batch:
                self._commit([each])

    def _attempt(self, batch: list[_Waiting]) -> Exception | None:
        try:
            with write_connection(self._engine) as connection:
                if not self._registered:
                    statement = statements_for(connection.dialect.name).writer
                    connection.execute(statement, {"writer": self._writer})
                write_publications(
                    connection,
                    [publication for publication, _ in batch],
                    writer=self._writer,
                    at=datetime.now(UTC),
                )
        except Exception as error:  # noqa: BLE001 - raised by the futures of the batch
            return error
        self._registered = True
        return None
