"""Subject, text and HTML of mails, from templates and the messages of a language."""

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
class TemplateValues:
    """Values that a template can use."""

    reference: str
    kind: str
    about: str
    """Title of the item."""
    subject: str
    """Subject that a person wrote; empty for the template's own."""
    body: str
    """Text that a person wrote, or the reason why the item needs attention."""
    desk: str
    """Name of the desk, or its address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedMail:
    """Subject and both bodies of a mail."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class _HtmlTranslations:
    """Translations as HTML; parameters are escaped unless they are HTML already."""

    translate: Translations

    @property
    def language(self) -> str:
        return self.translate.language

    def __call__(self, key: str, **parameters: object) -> Markup:
        # catalogs are trusted: only parameters can be hostile
        message = Markup(self.translate(key))  # noqa: S704
        return message.format(**parameters)


def render_mail(template: Template, language: Language, values: TemplateValues) -> RenderedMail:
    """Render a template with these values."""
    translate = translations(language)
    fields: dict[str, Any] = {name: getattr(values, name) for name in TemplateValues.__slots__}
    text = _TEMPLATES.get_template(f"{template}.txt").make_module(
        fields | {"t": translate, "quoted": translate("email.quoted_text", text=values.about)}
    )
    in_html = _HtmlTranslations(translate)
    html = _TEMPLATES.get_template(f"{template}.html").render(
        fields
        | {
            "t": in_html,
            "quoted": in_html("email.quoted_html", text=values.about),
            "bold_reference": Markup("<b>{}</b>").format(values.reference),
        }
    )
    subject = " ".join(str(vars(text)["subject"]).split())
    return RenderedMail(subject=subject, text=f"{str(text).strip()}\n", html=html)
