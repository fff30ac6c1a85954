"""What the shell says of the desk as a whole: its parts, its catalog, its check."""

from rich.console import Group, RenderableType
from rich.text import Text

from domain.definitions import Settings, Terms
from starter.catalog.loading import Catalog
from starter.embedded.running import Running
from starter.fsck import Difference
from starter.shell import words
from starter.shell.printing import Lines, pairs


def ready(line: str) -> RenderableType:
    """A part of the stack that became ready."""
    return Text.assemble(("ready  ", "green"), line)


def welcome(there: Running, database: str, known: Catalog, *, is_default: bool) -> RenderableType:
    """Where everything is, and what to try next."""
    definition, terms = next(iter(sorted(known.definitions.items())), ("", Terms()))
    queue = (terms.definition and terms.definition.queue) or "default"
    tries = [
        'casekeep new case "My first Case" --submit'
        + (f" --definition {definition}" if definition else ""),
        f"casekeep queue {queue}",
        "casekeep show REFERENCE",
        "casekeep do REFERENCE start",
    ]
    if not is_default:
        tries.insert(0, f"export TEMPORAL_ADDRESS={there.temporal}   # the ports are not the usual")
    return Group(
        "",
        Text("The desk is up. Ctrl-C stops it.", "bold"),
        pairs(
            {
                "Temporal": there.temporal,
                "Its UI": there.ui,
                "Database": database,
                "Logs": ".casekeep/server.log, .casekeep/worker.log",
            }
        ),
        "",
        Text("Try in another terminal, in this folder:"),
        *(Text(f"  {line}", "bold") for line in tries),
    )


def catalog(found: Catalog) -> RenderableType:
    """What a catalog holds."""
    if not (found.categories or found.definitions):
        return Text("The catalog is empty: items need none, but nothing is preset.")
    categories = Lines(
        ("Ticket category", "Queue", "Due", "Feedback window"),
        [_category(name, terms) for name, terms in sorted(found.categories.items())],
    )
    definitions = Lines(
        ("Case definition", "Version", "Steps and their Actions"),
        [
            (
                name,
                str(terms.definition.version),
                Text("\n").join(
                    Text.assemble(
                        (step.title or step.key, "bold"),
                        ": ",
                        ", ".join(action.key for action in step.actions),
                    )
                    for step in terms.definition.steps
                ),
            )
            for name, terms in sorted(found.definitions.items())
            if terms.definition is not None
        ],
    )
    return Group(categories, "", definitions)


def difference(one: Difference) -> RenderableType:
    """Something that was not as it should be, and what was done about it."""
    return Text.assemble((one.reference, "bold"), f"  {one.found}: ", (one.done, "green"))


def _category(name: str, terms: Terms) -> tuple[str, ...]:
    settings = terms.settings or Settings()
    due, window = settings.due, settings.feedback_window
    return (
        name,
        terms.queue or "default",
        words.span(due.within.total) if due else "",
        words.span(window.total) if window and window.total else "none",
    )
