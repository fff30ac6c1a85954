"""Catalogs of messages (.po): read, compared with each other, and compiled (.mo)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from operator import attrgetter
from pathlib import Path
from string import Formatter
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import PoFileError, read_po

from i18n.translations import DEFAULT_LANGUAGE, LANGUAGES

LOCALE: Final = Path(__file__).with_name("locale")
# Babel writes the current time into a compiled catalog; the same catalog must give the same bytes
_COMPILED_AT: Final = datetime(2026, 11, 30, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Message in one language."""

    forms: tuple[str, ...]
    """Text of the message; one for each plural form if it has any."""
    is_plural: bool
    is_fuzzy: bool

    @property
    def parameters(self) -> frozenset[str]:
        """Names in braces of all forms; none if the braces do not match."""
        if self.is_malformed:
            return frozenset()
        return frozenset(name for form in self.forms for name in _names(form))

    @property
    def is_malformed(self) -> bool:
        """True if a brace is not closed, or not opened."""
        try:
            for form in self.forms:
                _names(form)
        except ValueError:
            return True
        return False


def _names(form: str) -> list[str]:
    return [name for _, name, _, _ in Formatter().parse(form) if name is not None]


Messages = Mapping[str, Message]


def catalog_path(language: str, locale: Path = LOCALE) -> Path:
    """Return the path of a language's catalog; the compiled one has the suffix `.mo`."""
    return locale / language / "LC_MESSAGES" / "casekeep.po"


def read_catalog(language: str, locale: Path = LOCALE) -> Catalog:
    """Read a catalog; raise PoFileError for malformed lines and repeated keys."""
    text = catalog_path(language, locale).read_bytes()
    keys = [line for line in text.splitlines() if line.startswith(b"msgid ")]
    repeated = {key.decode() for key in keys if keys.count(key) > 1}
    catalog = read_po(BytesIO(text), locale=language, abort_invalid=True)
    if repeated:
        raise PoFileError(f"more than once: {', '.join(sorted(repeated))}", catalog, "", 0)
    return catalog


def messages_of(catalog: Catalog) -> dict[str, Message]:
    """Return the messages of a catalog by key."""
    messages = {}
    for entry in filter(attrgetter("id"), catalog):
        text = entry.string
        messages[entry.id[0] if entry.pluralizable else str(entry.id)] = Message(
            forms=(text,) if isinstance(text, str) else tuple(form or "" for form in text or ()),
            is_plural=entry.pluralizable,
            is_fuzzy=entry.fuzzy,
        )
    return messages


def compile_catalogs(locale: Path = LOCALE) -> list[Path]:
    """Compile the catalog of every language, and return the paths of the written files."""
    written = []
    for language in LANGUAGES:
        catalog = read_catalog(language, locale)
        catalog.creation_date = catalog.revision_date = _COMPILED_AT
        compiled = catalog_path(language, locale).with_suffix(".mo")
        with compiled.open("wb") as file:
            write_mo(file, catalog)
        written.append(compiled)
    return written


def problems(locale: Path = LOCALE) -> Iterator[str]:
    """Yield the problems of the catalogs themselves, one line each."""
    source = messages_of(read_catalog(DEFAULT_LANGUAGE, locale))
    for language in LANGUAGES:
        catalog = read_catalog(language, locale)
        messages = messages_of(catalog)
        found = [
            *_problems_of(language, messages, catalog.num_plurals),
            *_differences(language, source, messages),
        ]
        yield from found or _outdated(language, catalog, locale)


def _problems_of(language: str, messages: Messages, forms: int) -> Iterator[str]:
    for key, message in messages.items():
        if message.is_fuzzy:
            yield f"{language}: {key}: is fuzzy; review it and remove the mark"
        if not all(message.forms):
            yield f"{language}: {key}: has no text"
        if message.is_plural and len(message.forms) != forms:
            yield f"{language}: {key}: has {len(message.forms)} plural forms, not {forms}"
        if message.is_malformed:
            yield f"{language}: {key}: has a brace without its other one"


def _differences(language: str, source: Messages, messages: Messages) -> Iterator[str]:
    for key in sorted(source.keys() - messages.keys()):
        yield f"{language}: {key}: is missing"
    for key in sorted(messages.keys() - source.keys()):
        yield f"{language}: {key}: is not in {DEFAULT_LANGUAGE}"
    for key in source.keys() & messages.keys():
        ours, theirs = messages[key], source[key]
        if ours.is_plural != theirs.is_plural:
            yield f"{language}: {key}: is counted in one language, and not in the other"
        differing = ours.parameters ^ theirs.parameters
        if differing:
            names = ", ".join(sorted(differing))
            yield f"{language}: {key}: names other parameters than {DEFAULT_LANGUAGE}: {names}"


def _outdated(language: str, catalog: Catalog, locale: Path) -> Iterator[str]:
    compiled = catalog_path(language, locale).with_suffix(".mo")
    if not compiled.exists():
        yield f"{language}: is not compiled; run `make translations`"
        return
    with compiled.open("rb") as file:
        known = read_mo(file)
    forms, compiled_forms = (
        {key: message.forms for key, message in messages_of(each).items()}
        for each in (catalog, known)
    )
    if (forms, catalog.plural_expr) != (compiled_forms, known.plural_expr):
        yield f"{language}: is compiled from another version; run `make translations`"
