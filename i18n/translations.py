"""Messages in the reader's language, by key, from compiled gettext catalogs."""

import re
from collections.abc import Mapping
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from typing import Final, NoReturn

LANGUAGES: Final[Mapping[str, str]] = {"en": "English", "fr": "Français"}
"""Languages that have a catalog, each with its name in that language."""
DEFAULT_LANGUAGE: Final = "en"
_VARIABLES: Final = ("LC_ALL", "LC_MESSAGES", "LANG")


class MessageMissing(KeyError):
    """The catalog of a language has no message of this key."""


class _NoMessage(NullTranslations):
    """Fallback that raises; gettext itself would return the key."""

    def gettext(self, message: str) -> NoReturn:
        raise MessageMissing(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> NoReturn:  # noqa: ARG002 - gettext's own
        raise MessageMissing(msgid1)


class Translations:
    """Messages of one language: `t("inbox.title")`, `t("confirmed.open", reference="T-1")`."""

    def __init__(self, language: str, catalog: NullTranslations) -> None:
        self.language = language
        self._catalog = catalog
        catalog.add_fallback(_NoMessage())

    def __call__(self, key: str, **parameters: object) -> str:
        """Return the message of a key with its parameters filled in; raise MessageMissing.

        Without parameters the message is returned as it stands, `{name}` included.
        """
        message = self._message(key)
        return message.format(**parameters) if parameters else message

    def plural(self, key: str, number: int, /, **parameters: object) -> str:
        """Return the message for a number of things, which is its parameter `count`."""
        try:
            message = self._catalog.ngettext(key, key, number)
        except MessageMissing:
            raise self._missing(key) from None
        return message.format(**{"count": number} | parameters)

    def term(self, group: str, name: str | None) -> str:
        """Return the translation of a word of the contract: `t.term("status", "TO_DO")`.

        A word without a message, such as a command newer than the catalog, is returned as it is.
        """
        if name is None:
            return ""
        key = f"{group}.{name}"
        return self(key) if key in self else str(name).replace("_", " ")

    def __contains__(self, key: str) -> bool:
        try:
            self._catalog.gettext(key)
        except MessageMissing:
            return False
        return True

    def _message(self, key: str) -> str:
        try:
            return self._catalog.gettext(key)
        except MessageMissing:
            raise self._missing(key) from None

    def _missing(self, key: str) -> MessageMissing:
        return MessageMissing(f"no message {key} in {self.language}")


@cache
def translations(language: str) -> Translations:
    """Return the messages of a language; English for one that has no catalog."""
    supported = language if language in LANGUAGES else DEFAULT_LANGUAGE
    compiled = files("i18n").joinpath("locale", supported, "LC_MESSAGES", "casekeep.mo")
    with compiled.open("rb") as file:
        return Translations(supported, GNUTranslations(file))


def language_of_environment(environment: Mapping[str, str]) -> str:
    """Return the language of the first POSIX locale variable that is set."""
    locale = next(filter(None, map(environment.get, _VARIABLES)), "")
    language = re.split("[-_.@]", locale)[0].lower()
    return language if language in LANGUAGES else DEFAULT_LANGUAGE
