"""A sheet to draw on: texts, boxes and lines as SVG, and the same as PNG."""

import textwrap
from collections.abc import Sequence
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

FONT: Final = "Roboto, Helvetica, Arial, sans-serif"
_WIDTH_OF_A_SIGN: Final = 0.51
"""Of the font's size, on average."""
_FONTS: Final = "font_roboto"
_SHARP: Final = 2.0
"""Pixels of a PNG for each unit of the sheet."""


class Ink(StrEnum):
    """The colours there are."""

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


class UnknownPicture(Exception):
    """A file's name does not say what to write."""


class Sheet:
    """Drawing in SVG; x goes to the right, y down, in pixels."""

    def __init__(self, title: str) -> None:
        """Begin with nothing; the title is for those who cannot see it."""
        self._root = ET.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "role": "img"})
        ET.SubElement(self._root, "title").text = title
        self._paper = self._put("rect", x=0, y=0, fill=Ink.PAPER)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = 13,
        ink: str = Ink.TEXT,
        anchor: str = "start",
        bold: bool = False,
    ) -> None:
        """One line; y is where it stands on."""
        weight = {"font-weight": "bold"} if bold else {}
        written = self._put("text", x=x, y=y, fill=ink, **weight)
        written.set("font-size", _short(size))
        written.set("text-anchor", anchor)
        written.text = text

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
        """A rectangle; `tip` is shown by what a pointer rests on."""
        put = self._put(
            "rect", x=x, y=y, width=width, height=height, fill=fill, stroke=stroke, rx=radius
        )
        if dashed:
            put.set("stroke-dasharray", "4 3")
        if tip:
            ET.SubElement(put, "title").text = tip

    def line(
        self,
        points: Sequence[tuple[float, float]],
        *,
        ink: str = Ink.RULE,
        width: float = 1,
        dashed: bool = False,
        arrow: bool = False,
    ) -> None:
        """Straight from point to point, perhaps with a head at its end, which points right."""
        places = " ".join(f"{_short(x)},{_short(y)}" for x, y in points)
        put = self._put("polyline", points=places, fill="none", stroke=ink)
        put.set("stroke-width", _short(width))
        if dashed:
            put.set("stroke-dasharray", "4 3")
        if arrow:
            x, y = points[-1]
            head = f"{_short(x)},{_short(y)} {_short(x - 7)},{_short(y - 4)}"
            self._put("polygon", points=f"{head} {_short(x - 7)},{_short(y + 4)}", fill=ink)

    def written(self, width: float, height: float) -> str:
        """The sheet as SVG, cut to this size."""
        for element in (self._root, self._paper):
            element.set("width", _short(width))
            element.set("height", _short(height))
        self._root.set("viewBox", f"0 0 {_short(width)} {_short(height)}")
        self._root.set("font-family", FONT)
        ET.indent(self._root)
        return ET.tostring(self._root, encoding="unicode") + "\n"

    def _put(self, tag: str, **attributes: str | float) -> ET.Element:
        named = {
            name: value if isinstance(value, str) else _short(value)
            for name, value in attributes.items()
        }
        return ET.SubElement(self._root, tag, named)


def _short(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")


def wrapped(text: str, width: float, size: float, most: int) -> list[str]:
    """The text in lines that fit about this width; what is more ends in an ellipsis."""
    signs = max(4, int(width / (size * _WIDTH_OF_A_SIGN)))
    return textwrap.wrap(text, signs, max_lines=most, placeholder=" …") or [""]


def width_of(text: str, size: float) -> float:
    """About how wide a line is."""
    return len(text) * size * _WIDTH_OF_A_SIGN


def save(svg: str, path: Path) -> None:
    """Write it as what the file's name says, `.svg` or `.png`; raises UnknownPicture."""
    check_name(path)
    path.write_bytes(png(svg) if path.suffix == ".png" else svg.encode())


def check_name(path: Path) -> None:
    """Refuse a file that is to be something else."""
    if path.suffix not in {".svg", ".png"}:
        raise UnknownPicture(f"{path}: a picture's name ends in .svg or .png")


def png(svg: str) -> bytes:
    """The same as PNG, with a font of our own, so that it looks alike everywhere."""
    import resvg_py

    files = resources.files(_FONTS) / "files"
    with resources.as_file(files) as folder:
        return bytes(
            resvg_py.svg_to_bytes(
                svg_string=svg, zoom=_SHARP, font_dirs=[str(folder)], font_family="Roboto"
            )
        )
