"""A canvas for texts, boxes and lines as SVG, and conversion to PNG."""

import textwrap
from collections.abc import Sequence
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

FONT: Final = "Roboto, Helvetica, Arial, sans-serif"
_CHARACTER_WIDTH: Final = 0.51
"""Average width of a character, as a fraction of the font's size."""
_FONT_PACKAGE: Final = "font_roboto"
_PNG_ZOOM: Final = 2.0
"""Pixels of a PNG for each unit of the canvas."""


class DrawingColour(StrEnum):
    """Colours of the pictures."""

    PAPER = "#ffffff"
    TEXT = "#1f2933"
    FAINT = "#6b7783"
    RULE = "#dfe4ea"
    PALE = "#f4f6f9"
    BLUE = "#2f6fb2"
    LIGHT = "#b9d2ec"
    GREEN = "#3b8f5a"
    AMBER = "#d99a1c"
    RED = "#c8402f"


class UnknownImageFormat(Exception):
    """A file name has no suffix of a known image format."""


class SvgCanvas:
    """SVG image under construction; x goes to the right, y down, in pixels."""

    def __init__(self, title: str) -> None:
        """Start an empty image; screen readers read the title."""
        self._root = ET.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "role": "img"})
        ET.SubElement(self._root, "title").text = title
        self._paper = self._add("rect", x=0, y=0, fill=DrawingColour.PAPER)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = 13,
        colour: str = DrawingColour.TEXT,
        anchor: str = "start",
        bold: bool = False,
    ) -> None:
        """Draw one line of text; y is its baseline."""
        weight = {"font-weight": "bold"} if bold else {}
        element = self._add("text", x=x, y=y, fill=colour, **weight)
        element.set("font-size", _number_text(size))
        element.set("text-anchor", anchor)
        element.text = text

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        *,
        fill: str = "none",
        stroke: str = "none",
        radius: float = 0,
        dashed: bool = False,
        tip: str = "",
    ) -> None:
        """Draw a rectangle; `tip` is its tooltip."""
        element = self._add(
            "rect", x=x, y=y, width=width, height=height, fill=fill, stroke=stroke, rx=radius
        )
        if dashed:
            element.set("stroke-dasharray", "4 3")
        if tip:
            ET.SubElement(element, "title").text = tip

    def line(
        self,
        points: Sequence[tuple[float, float]],
        *,
        colour: str = DrawingColour.RULE,
        width: float = 1,
        dashed: bool = False,
        arrow: bool = False,
    ) -> None:
        """Draw a line through the points; an arrow's head at its end points right."""
        coordinates = " ".join(f"{_number_text(x)},{_number_text(y)}" for x, y in points)
        element = self._add("polyline", points=coordinates, fill="none", stroke=colour)
        element.set("stroke-width", _number_text(width))
        if dashed:
            element.set("stroke-dasharray", "4 3")
        if arrow:
            x, y = points[-1]
            head = (
                f"{_number_text(x)},{_number_text(y)} {_number_text(x - 7)},{_number_text(y - 4)}"
            )
            self._add(
                "polygon", points=f"{head} {_number_text(x - 7)},{_number_text(y + 4)}", fill=colour
            )

    def to_svg(self, width: float, height: float) -> str:
        """Return the image as SVG, cut to this size."""
        for element in (self._root, self._paper):
            element.set("width", _number_text(width))
            element.set("height", _number_text(height))
        self._root.set("viewBox", f"0 0 {_number_text(width)} {_number_text(height)}")
        self._root.set("font-family", FONT)
        ET.indent(self._root)
        return ET.tostring(self._root, encoding="unicode") + "\n"

    def _add(self, tag: str, **attributes: str | float) -> ET.Element:
        texts = {
            name: value if isinstance(value, str) else _number_text(value)
            for name, value in attributes.items()
        }
        return ET.SubElement(self._root, tag, texts)


def _number_text(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")


def wrap_text(text: str, width: float, size: float, max_lines: int) -> list[str]:
    """Return the text in lines of about this width; an ellipsis ends a text that is cut."""
    characters = max(4, int(width / (size * _CHARACTER_WIDTH)))
    return textwrap.wrap(text, characters, max_lines=max_lines, placeholder=" …") or [""]


def text_width(text: str, size: float) -> float:
    """Return the approximate width of a line."""
    return len(text) * size * _CHARACTER_WIDTH


def save_image(svg: str, path: Path) -> None:
    """Write an image in the format of the file's suffix; raises UnknownImageFormat."""
    check_image_name(path)
    path.write_bytes(svg_to_png(svg) if path.suffix == ".png" else svg.encode())


def check_image_name(path: Path) -> None:
    """Check that a file's suffix is `.svg` or `.png`; raises UnknownImageFormat."""
    if path.suffix not in {".svg", ".png"}:
        raise UnknownImageFormat(f"{path}: a picture's name ends in .svg or .png")


def svg_to_png(svg: str) -> bytes:
    """Convert SVG to PNG, with a packaged font: the same picture on every machine."""
    import resvg_py

    files = resources.files(_FONT_PACKAGE) / "files"
    with resources.as_file(files) as folder:
        return bytes(
            resvg_py.svg_to_bytes(
                svg_string=svg, zoom=_PNG_ZOOM, font_dirs=[str(folder)], font_family="Roboto"
            )
        )
