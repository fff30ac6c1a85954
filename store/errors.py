"""What goes wrong with a database, told so that the reader knows the way out."""


class StoreFault(Exception):
    """Base of all that the store raises by itself."""


class UnknownDatabase(StoreFault):
    """The URL names no kind of database that we keep rows in."""


class DatabaseUnreachable(StoreFault):
    """The database cannot be opened, or its connection broke."""


class DatabaseBusy(StoreFault):
    """Another writer held the database or the rows for too long: the same call may work later."""


class SchemaOutdated(StoreFault):
    """Tables or columns are missing: the schema is older than this program."""


class SchemaTooNew(StoreFault):
    """The schema was upgraded by a newer program than this one."""


class WriterClosed(StoreFault):
    """The writer takes nothing any more."""


class UnknownMail(StoreFault):
    """No mail of this key was ever published by this run."""


class InvalidCursor(StoreFault):
    """The cursor is none that a page of this list gave."""
