"""Errors of the store; each message says what to do."""


class StoreError(Exception):
    """Base of all errors that the store itself raises."""


class UnknownDatabase(StoreError):
    """The URL names no kind of database that the store supports."""


class DatabaseUnreachable(StoreError):
    """The database cannot be opened, or its connection broke."""


class DatabaseBusy(StoreError):
    """Another writer held the database or the rows for too long: the same call may work later."""


class SchemaOutdated(StoreError):
    """Tables or columns are missing: the schema is older than this program."""


class SchemaTooNew(StoreError):
    """The schema was upgraded by a newer program than this one."""


class WriterClosed(StoreError):
    """The writer is closed and takes no more publications."""


class UnknownOutboundMail(StoreError):
    """The item's run published no mail with this key."""


class InvalidCursor(StoreError):
    """No page of this list returned the cursor."""
