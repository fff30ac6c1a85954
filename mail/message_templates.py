"""What mails say: templates in the languages we write, as text and as HTML."""

from dataclasses import dataclass
from functools import cache
from typing import Final

import jinja2
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from domain.base.values import Template
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
    """What a template may say."""

    reference: str
    kind: str
    about: str
    """The item's title."""
    subject: str
    """As somebody wrote it; empty: the template's own."""
    body: str
    """What somebody wrote, or why the item needs attention."""
    desk: str
    """The desk's name, or its address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A mail in words."""

    subject: str
    text: str
    html: str


def written(template: Template, language: Language, facts: Facts) -> Written:
    """The mail that a template makes of these facts."""
    values = {name: getattr(facts, name) for name in Facts.__slots__}
    text = _found(template, language, "txt").make_module(values)
    html = _found(template, language, "html").render(values)
    subject = " ".join(str(vars(text)["subject"]).split())
    return Written(subject=subject, text=f"{str(text).strip()}\n", html=html)


@cache
def _found(template: Template, language: Language, ending: str) -> jinja2.Template:
    return _TEMPLATES.get_template(f"{language}/{template}.{ending}")
