"""Full-text search over references, titles, descriptions and notes."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine, and_, select, text

from store.engine import read_connection
from store.items.paging import storable_text
from store.projection.item_summary import COLUMNS, ItemSummary
from store.schema.tables import HEADING, item, note

MAX_RESULTS: Final = 20
"""Items that a search returns, by default."""
_MAX_RANKED: Final = 500
"""Matching texts that are ranked: the newest ones."""
_MAX_WORDS: Final = 12
_MAX_WORD_LENGTH: Final = 64
_EXCERPT_LENGTH: Final = 160
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
    # materialized: else the planner may walk the whole table by id and parse every text
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
class SearchResult:
    """Item that matches a search, with an excerpt of the text that matches."""

    item: ItemSummary
    excerpt: str


def search(engine: Engine, words: str, *, limit: int = MAX_RESULTS) -> tuple[SearchResult, ...]:
    """Return items with a text that has all these words, or words that begin so; best match first.

    Case, accents and punctuation do not matter; the first 12 words count. The item whose reference
    was searched comes first, then matches in headings (reference, title, description), then notes.
    """
    wanted = _words(words)
    if not wanted:
        return ()
    with read_connection(engine) as connection:
        best = _best_notes(connection, words.strip(), wanted, limit)
        rows = connection.execute(
            select(note.c.id, note.c.text, *COLUMNS)
            .join(item, and_(item.c.reference == note.c.reference, item.c.run == note.c.run))
            .where(note.c.id.in_(best))
        ).all()
    by_note = {
        row.id: _search_result(ItemSummary.from_row(row, 2), row.text, wanted) for row in rows
    }
    return tuple(by_note[number] for number in best if number in by_note)


def _best_notes(connection: Connection, phrase: str, wanted: list[str], limit: int) -> list[int]:
    """Return the id of the best note of each item, the best item first."""
    named = connection.execute(
        select(note.c.id, note.c.reference)
        .join(item, and_(item.c.reference == note.c.reference, item.c.run == note.c.run))
        .where(
            note.c.reference.in_({storable_text(phrase), storable_text(phrase.upper())}),
            note.c.serial == 0,
        )
    ).all()
    matches = connection.execute(
        _MATCHES[connection.dialect.name],
        {"query": _query(connection, wanted), "ranked": _MAX_RANKED, "heading": HEADING},
    ).all()
    first_of: dict[str, int] = {}
    for row in (*named, *matches):
        first_of.setdefault(row.reference, row.id)
    return list(first_of.values())[:limit]


def _query(connection: Connection, wanted: list[str]) -> str:
    if connection.dialect.name == "sqlite":
        return " ".join(f'"{word}"*' for word in wanted)
    return " & ".join(f"w{word}:*" for word in wanted)


def _words(phrase: str) -> list[str]:
    """Return the words folded; they are letters and digits only, so never query syntax."""
    words = _WORD.findall(_fold(phrase[: _MAX_WORDS * _MAX_WORD_LENGTH * 2]))
    return [word[:_MAX_WORD_LENGTH] for word in words[:_MAX_WORDS]]


def _fold(word: str) -> str:
    decomposed = unicodedata.normalize("NFD", word.lower())
    return unicodedata.normalize("NFC", _MARKS.sub("", decomposed))


def split_matches(text: str, words: str) -> Iterator[tuple[str, bool]]:
    """Yield the text in pieces; True marks a word that was searched for."""
    wanted = tuple(_words(words))
    at = 0
    for word in _WORD.finditer(text):
        if wanted and _fold(word.group()).startswith(wanted):
            yield text[at : word.start()], False
            yield word.group(), True
            at = word.end()
    yield text[at:], False


def _search_result(summary: ItemSummary, matching: str, wanted: list[str]) -> SearchResult:
    heading = f"{summary.reference}\n{summary.title}\n"
    return SearchResult(item=summary, excerpt=_excerpt(matching.removeprefix(heading), wanted))


def _excerpt(content: str, wanted: list[str]) -> str:
    """Return the text around the first matching word, else its beginning."""
    line = " ".join(content.split())
    starts = (
        word.start()
        for word in _WORD.finditer(line)
        if _fold(word.group()).startswith(tuple(wanted))
    )
    start = max(0, next(starts, 0) - _EXCERPT_LENGTH // 4)
    if start:
        start = line.find(" ", start) + 1
    end = start + _EXCERPT_LENGTH
    if end < len(line) and (word_end := line.rfind(" ", start, end)) > start:
        end = word_end
    return f"{'… ' if start else ''}{line[start:end].strip()}{' …' if end < len(line) else ''}"
