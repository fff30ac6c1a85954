"""Full-text search over references, titles, descriptions and notes."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine, and_, select, text

from store.engine import reading
from store.items.paging import plain
from store.projection.item_summary import COLUMNS, ItemSummary
from store.schema.tables import HEADING, item, note

FOUND: Final = 20
"""Items found, unless asked otherwise."""
_RANKED: Final = 500
"""Texts that are ranked: the newest of those that match."""
_WORDS: Final = 12
_LONGEST: Final = 64
_EXCERPT: Final = 160
_MARKS = re.compile("[\u0300-\u036f]+")
_WORD = re.compile(r"[^\W_]+")

_MATCHES: Final = {
    "sqlite": text(
        """
        WITH matching AS (
          SELECT rowid AS id, -rank AS score FROM note_search
          WHERE note_search MATCH :query ORDER BY rowid DESC LIMIT :ranked
        )
        SELECT note.id, note.reference FROM matching
        JOIN note ON note.id = matching.id
        JOIN item ON item.reference = note.reference AND item.run = note.run
        ORDER BY (note.kind = :heading) DESC, matching.score DESC, note.id DESC
        """
    ),
    # materialized, lest the planner walks the whole table by id and parses every text on its way
    "postgresql": text(
        """
        WITH matching AS MATERIALIZED (
          SELECT id FROM note WHERE note_search_words(text) @@ to_tsquery('simple', :query)
        ), newest AS (
          SELECT id FROM matching ORDER BY id DESC LIMIT :ranked
        )
        SELECT note.id, note.reference FROM newest
        JOIN note ON note.id = newest.id
        JOIN item ON item.reference = note.reference AND item.run = note.run
        ORDER BY (note.kind = :heading) DESC,
          ts_rank(note_search_words(note.text), to_tsquery('simple', :query)) DESC, note.id DESC
        """
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An item that matches, and what its texts say there beside its reference and title."""

    item: ItemSummary
    excerpt: str


def search(engine: Engine, words: str, *, limit: int = FOUND) -> tuple[Found, ...]:
    """Items with a text that holds all the words, or longer ones; the best match first.

    Neither case, accents nor signs matter; the first dozen words count. An item whose reference was
    given goes first, then matches in a heading (reference, title, description) before notes.
    """
    wanted = _words(words)
    if not wanted:
        return ()
    with reading(engine) as connection:
        best = _best(connection, words.strip(), wanted, limit)
        rows = connection.execute(
            select(note.c.id, note.c.text, *COLUMNS)
            .join(item, and_(item.c.reference == note.c.reference, item.c.run == note.c.run))
            .where(note.c.id.in_(best))
        ).all()
    found = {row.id: _found(ItemSummary.from_row(row, 2), row.text, wanted) for row in rows}
    return tuple(found[number] for number in best if number in found)


def _best(connection: Connection, whole: str, wanted: list[str], limit: int) -> list[int]:
    """The ids of the best text of each item, the best item first."""
    named = connection.execute(
        select(note.c.id, note.c.reference)
        .join(item, and_(item.c.reference == note.c.reference, item.c.run == note.c.run))
        .where(note.c.reference.in_({plain(whole), plain(whole.upper())}), note.c.serial == 0)
    ).all()
    matches = connection.execute(
        _MATCHES[connection.dialect.name],
        {"query": _query(connection, wanted), "ranked": _RANKED, "heading": HEADING},
    ).all()
    first_of: dict[str, int] = {}
    for row in (*named, *matches):
        first_of.setdefault(row.reference, row.id)
    return list(first_of.values())[:limit]


def _query(connection: Connection, wanted: list[str]) -> str:
    if connection.dialect.name == "sqlite":
        return " ".join(f'"{word}"*' for word in wanted)
    return " & ".join(f"w{word}:*" for word in wanted)


def _words(given: str) -> list[str]:
    """Folded words, letters and digits only: so nothing in them is syntax of a query."""
    words = _WORD.findall(_folded(given[: _WORDS * _LONGEST * 2]))
    return [word[:_LONGEST] for word in words[:_WORDS]]


def _folded(given: str) -> str:
    apart = unicodedata.normalize("NFD", given.lower())
    return unicodedata.normalize("NFC", _MARKS.sub("", apart))


def marked(text: str, words: str) -> Iterator[tuple[str, bool]]:
    """The text in pieces, each with whether it is a word that was looked for."""
    wanted = tuple(_words(words))
    at = 0
    for word in _WORD.finditer(text):
        if wanted and _folded(word.group()).startswith(wanted):
            yield text[at : word.start()], False
            yield word.group(), True
            at = word.end()
    yield text[at:], False


def _found(line: ItemSummary, matching: str, wanted: list[str]) -> Found:
    heading = f"{line.reference}\n{line.title}\n"
    return Found(item=line, excerpt=_excerpt(matching.removeprefix(heading), wanted))


def _excerpt(whole: str, wanted: list[str]) -> str:
    """A line of the text around the first of the words, or its beginning if it has none of them."""
    line = " ".join(whole.split())
    begins = (
        word.start()
        for word in _WORD.finditer(line)
        if _folded(word.group()).startswith(tuple(wanted))
    )
    start = max(0, next(begins, 0) - _EXCERPT // 4)
    if start:
        start = line.find(" ", start) + 1
    end = start + _EXCERPT
    if end < len(line) and (word_end := line.rfind(" ", start, end)) > start:
        end = word_end
    return f"{'… ' if start else ''}{line[start:end].strip()}{' …' if end < len(line) else ''}"
