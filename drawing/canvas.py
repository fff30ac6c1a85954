"""Canvas for texts, boxes and lines, written as SVG or PNG."""

import textwrap
from collections.abc import Sequence
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

FONT: Final = "Roboto, Helvetica, Arial, sans-serif"
_CHARACTER_WIDTH: Final = 0.51
"""Average width of a character, in units of the font size."""
_FONTS: Final = "font_roboto"
_PNG_ZOOM: Final = 2.0
"""Pixels of a PNG for each unit of the canvas."""


class DrawingColour(StrEnum):
    """Colours of the drawings."""

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


class UnsupportedImageFormat(Exception):
    """A file name has no suffix of a supported image format."""


class Canvas:
    """Drawing; x goes to the right, y down, in pixels."""

    def __init__(self, title: str) -> None:
        """Begin empty; `title` is the text alternative."""
        self._root = ET.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "role": "img"})
        ET.SubElement(self._root, "title").text = title
        self._background = self._add("rect", x=0, y=0, fill=DrawingColour.PAPER)

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
        """Draw a line of text; y is its baseline."""
        weight = {"font-weight": "bold"} if bold else {}
        element = self._add("text", x=x, y=y, fill=colour, **weight)
        element.set("font-size", _format_number(size))
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
        shape = self._add(
            "rect", x=x, y=y, width=width, height=height, fill=fill, stroke=stroke, rx=radius
        )
        if dashed:
            shape.set("stroke-dasharray", "4 3")
        if tip:
            ET.SubElement(shape, "title").text = tip

    def line(
        self,
        points: Sequence[tuple[float, float]],
        *,
        colour: str = DrawingColour.RULE,
        width: float = 1,
        dashed: bool = False,
        arrow: bool = False,
    ) -> None:
        """Draw a line through the points; `arrow` adds a head that points right."""
        shape = self._add("polyline", points=_format_points(points), fill="none", stroke=colour)
        shape.set("stroke-width", _format_number(width))
        if dashed:
            shape.set("stroke-dasharray", "4 3")
        if arrow:
            x, y = points[-1]
            corners = [(x, y), (x - 7, y - 4), (x - 7, y + 4)]
            self._add("polygon", points=_format_points(corners), fill=colour)

    def to_svg(self, width: float, height: float) -> str:
        """Return the drawing as SVG of this size."""
        for element in (self._root, self._background):
            element.set("width", _format_number(width))
            element.set("height", _format_number(height))
        self._root.set("viewBox", f"0 0 {_format_number(width)} {_format_number(height)}")
        self._root.set("font-family", FONT)
        ET.indent(self._root)
        return ET.tostring(self._root, encoding="unicode") + "\n"

    def _add(self, tag: str, **attributes: str | float) -> ET.Element:
        formatted = {
            name: value if isinstance(value, str) else _format_number(value)
            for name, value in attributes.items()
        }
        return ET.SubElement(self._root, tag, formatted)


def _format_number(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")


def _format_points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{_format_number(x)},{_format_number(y)}" for x, y in points)


def wrap_text(text: str, width: float, size: float, max_lines: int) -> list[str]:
    """Break a text into lines of about this width; a longer text ends in an ellipsis."""
    columns = max(4, int(width / (size * _CHARACTER_WIDTH)))
    return textwrap.wrap(text, columns, max_lines=max_lines, placeholder=" …") or [""]


def text_width(text: str, size: float) -> float:
    """Return the approximate width of a line of text."""
    return len(text) * size * _CHARACTER_WIDTH


def save_image(svg: str, path: Path) -> None:
    """Write an SVG text as `.svg` or `.png`; raises UnsupportedImageFormat."""
    check_image_name(path)
    path.write_bytes(render_png(svg) if path.suffix == ".png" else svg.encode())


def check_image_name(path: Path) -> None:
    """Raise UnsupportedImageFormat unless the name ends in .svg or .png."""
    if path.suffix not in {".svg", ".png"}:
        raise UnsupportedImageFormat(f"{path}: a picture's name ends in .svg or .png")


def render_png(svg: str) -> bytes:
    """Render an SVG text as PNG, with our own font, so it looks the same on every machine."""
    import resvg_py

    files = resources.files(_FONTS) / "files"
    with resources.as_file(files) as folder:
        return bytes(
            resvg_py.svg_to_bytes(
                svg_string=svg, zoom=_PNG_ZOOM, font_dirs=[str(folder)], font_family="Roboto"
            )
        )
