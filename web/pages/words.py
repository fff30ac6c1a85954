"""What pages say, in the reader's language: the status model's own terms (chapter 1), by key."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml
from babel import Locale

FOLDER: Final = Path(__file__).with_name("words")
LANGUAGES: Final[Mapping[str, str]] = {"en": "English", "fr": "Français"}
"""Those that pages speak, and what each calls itself."""
DEFAULT: Final = "en"


class WordMissing(KeyError):
    """A page asks for words that the language does not have."""


class Words:
    """One language's words: `w("inbox.title")`, `w("queue.empty", queue=title)`."""

    def __init__(self, language: str, said: Mapping[str, str]) -> None:
        self.language = language
        self._said = said
        self._plural = Locale(language).plural_form

    def __call__(self, key: str, **values: object) -> str:
        """The words of this key, with the values where it names them; raises WordMissing."""
        try:
            said = self._said[key]
        except KeyError:
            raise WordMissing(f"no words for {key} in {self.language}") from None
        return said.format(**values) if values else said

    def count(self, key: str, count: int, **values: object) -> str:
        """The words for so many: those of `key.one` or `key.other`, as the language counts."""
        form = self._plural(count)
        chosen = f"{key}.{form}" if f"{key}.{form}" in self._said else f"{key}.other"
        return self(chosen, count=count, **values)

    def of(self, group: str, name: str | None) -> str:
        """What one of the contract's own words is called: `w.of("status", "TO_DO")`.

        One without words, such as a command that is newer than they are, says itself.
        """
        if name is None:
            return ""
        return self._said.get(f"{group}.{name}") or str(name).replace("_", " ")

    def keys(self) -> frozenset[str]:
        """All that it has words for."""
        return frozenset(self._said)


@cache
def words(language: str) -> Words:
    """The words of a language; of one that pages do not speak, English."""
    spoken = language if language in LANGUAGES else DEFAULT
    said: dict[str, str] = {}
    for path in sorted((FOLDER / spoken).glob("*.yaml")):
        said |= _flat(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    return Words(spoken, said)


def _flat(tree: Mapping[Any, Any], above: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in tree.items():
        name = f"{above}{key}"
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{name}.")
        else:
            flat[name] = str(value)
    return flat
