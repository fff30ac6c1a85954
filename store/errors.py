"""Errors of the store; each sentence says what to do."""


class StoreFault(Exception):
    """Base of all errors that the store itself raises."""


class UnknownDatabase(StoreFault):
    """The URL names no kind of database that the store supports."""


class DatabaseUnreachable(StoreFault):
    """The database cannot be opened, or its connection broke."""


class DatabaseBusy(StoreFault):
    """Another writer held the database or the rows for too long: the same call may work later."""


class SchemaOutdated(StoreFault):
    """Tables or columns are missing: the schema is older than this program."""


class SchemaTooNew(StoreFault):
    """The schema was upgraded by a newer program than this one."""


class WriterClosed(StoreFault):
    """The writer is closed and takes no more publications."""


class UnknownMail(StoreFault):
    """This run of the item published no mail of this key."""


class InvalidCursor(StoreFault):
    """The cursor was not given by a page of this list."""
