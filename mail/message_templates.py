"""Mails in words: one template for each, filled with the messages of a language."""

from dataclasses import dataclass
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from domain.base.values import Template
from i18n.translations import Translations, translations
from mail.address_book import Language

_TEMPLATES: Final = Environment(
    loader=PackageLoader("mail"),
    autoescape=select_autoescape(("html",), default=False),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The values that a template may name."""

    reference: str
    kind: str
    about: str
    """The item's title."""
    subject: str
    """The subject that somebody wrote; empty: the template's own."""
    body: str
    """The text that somebody wrote, or the reason why the item needs attention."""
    desk: str
    """The desk's name, or its address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A mail in words."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class _HtmlTranslations:
    """Messages as HTML: parameters are escaped, unless they are HTML themselves."""

    translate: Translations

    @property
    def language(self) -> str:
        return self.translate.language

    def __call__(self, key: str, **parameters: object) -> Markup:
        # a message is ours: what could be hostile comes in by its parameters
        message = Markup(self.translate(key))  # noqa: S704
        return message.format(**parameters)


def written(template: Template, language: Language, facts: Facts) -> Written:
    """Return the mail that a template makes of these facts."""
    translate = translations(language)
    values: dict[str, Any] = {name: getattr(facts, name) for name in Facts.__slots__}
    text = _TEMPLATES.get_template(f"{template}.txt").make_module(
        values | {"t": translate, "quoted": translate("email.quoted_text", text=facts.about)}
    )
    in_html = _HtmlTranslations(translate)
    html = _TEMPLATES.get_template(f"{template}.html").render(
        values
        | {
            "t": in_html,
            "quoted": in_html("email.quoted_html", text=facts.about),
            "bold_reference": Markup("<b>{}</b>").format(facts.reference),
        }
    )
    subject = " ".join(str(vars(text)["subject"]).split())
    return Written(subject=subject, text=f"{str(text).strip()}\n", html=html)
