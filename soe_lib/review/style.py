"""How charts look, and what a finished chart is: the drawing, its finding, and the words for who cannot see it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont
from matplotlib.ft2font import FT2Font
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.textpath import TextToPath
from matplotlib.ticker import FuncFormatter, MaxNLocator

from soe_lib.review import words

INK = "#1b1b1b"
MUTED = "#595959"
GRID = "#e3e3e3"
PAPER = "#ffffff"
BLUE = "#0072b2"
SKY = "#56b4e9"
GREEN = "#009e73"
AMBER = "#e69f00"
RED = "#d55e00"
PURPLE = "#cc79a7"
GREY = "#bdbdbd"
PALE = "#f1f1f1"
DARK_RED = "#b04600"
PALE_BLUE = "#c5e1f2"
PALE_RED = "#f3c29e"

FONT = "DejaVu Sans"
TITLE_SIZE, TEXT_SIZE, SMALL_SIZE = 12.5, 9.5, 8.5
TITLE_LINE, SUBTITLE_LINE, HEADER_GAP = 0.235, 0.2, 0.14
WIDTH = 9.6
DPI = 110


@lru_cache(maxsize=1)
def glyphs() -> frozenset[int]:
    """The characters that the chart font can draw."""
    return frozenset(FT2Font(findfont(FontProperties(family=FONT))).get_charmap())


def label(text: object, *, limit: int = 0) -> str:
    """Text of the data made fit for a chart: one line, no formula marks, nothing the font cannot draw.

    Parameters
    ----------
    text : any text, a name from the extract included.
    limit : characters kept, of both ends, since names often differ in their last part only. 0 keeps all.
    """
    line = re.sub(r"[\x00-\x20\x7f-\x9f\u2028\u2029]+", " ", str(text)).strip()
    drawn = "".join(letter if ord(letter) in glyphs() else "□" for letter in line)
    if limit and len(drawn) > limit:
        tail = limit // 3
        drawn = f"{drawn[: limit - 1 - tail].rstrip()}…{drawn[len(drawn) - tail :].lstrip()}"
    return drawn.replace("$", r"\$")


def wrapped(text: object, *, width: int, lines: int = 2) -> str:
    """Text broken into a few lines for the side of a chart; what does not fit ends in "…"."""
    kept = textwrap.wrap(label(text), width=width, max_lines=lines, placeholder="…", break_on_hyphens=False)
    return "\n".join(kept)


def broken(text: str, *, size: float, inches: float, bold: bool = False) -> list[str]:
    """Text broken into lines by the width that its letters really take.

    Parameters
    ----------
    size : of the letters [points]. inches : width there is. bold : whether it is set in bold.
    """
    font = FontProperties(family=FONT, size=size, weight="bold" if bold else "normal")
    lines: list[str] = []
    for word in text.strip(" ").split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and TextToPath().get_text_width_height_descent(longer, font, False)[0] <= inches * 72:
            lines[-1] = longer
        elif word:
            lines.append(word)
    return lines


def new_figure(
    width: float = WIDTH,
    height: float = 4.0,
    *,
    title: str = "",
    subtitle: str = "",
    rows: int = 1,
    columns: int = 1,
    share_x: bool = False,
) -> tuple[Figure, list[Axes]]:
    """An empty chart in the house style, with its finding as title and its measure and unit below it.

    Parameters
    ----------
    width, height : of the drawing without its title [inches].
    title : the finding, one sentence. subtitle : what is measured, and in what unit.
    rows, columns : panels. share_x : panels of a column share their horizontal axis.

    Returns
    -------
    the figure and its axes, row by row.
    """
    heading = broken(label(title), size=TITLE_SIZE, inches=width - 0.15, bold=True)
    below = broken(label(subtitle), size=TEXT_SIZE, inches=width - 0.15)
    header = TITLE_LINE * len(heading) + SUBTITLE_LINE * len(below) + (HEADER_GAP if heading or below else 0)
    total = height + header
    engine = ConstrainedLayoutEngine(rect=(0.0, 0.0, 1.0, height / total), w_pad=0.05, h_pad=0.05)
    figure = Figure(figsize=(width, total), dpi=DPI, facecolor=PAPER, layout=engine)
    top = 1 - 0.04 / total
    figure.text(0.006, top, "\n".join(heading), ha="left", va="top", fontsize=TITLE_SIZE, fontweight="bold",
                color=INK, family=FONT, linespacing=1.25)  # fmt: skip
    figure.text(0.006, top - TITLE_LINE * len(heading) / total, "\n".join(below), ha="left", va="top",
                fontsize=TEXT_SIZE, color=MUTED, family=FONT, linespacing=1.3)  # fmt: skip
    panels = figure.subplots(rows, columns, squeeze=False, sharex="col" if share_x else False)
    axes = list(panels.flat)
    for panel in axes:
        tidy(panel)
    return figure, axes


def tidy(axes: Axes, *, grid: str = "y") -> None:
    """House style for one panel: no frame, thin grid behind the marks along one axis ("x", "y" or
    "none").
    """
    for side, spine in axes.spines.items():
        spine.set_visible((side == "bottom" and grid == "y") or (side == "left" and grid == "x"))
        spine.set_color(MUTED)
        spine.set_linewidth(0.8)
    axes.set_axisbelow(True)
    axes.grid(visible=False)
    if grid != "none":
        axes.grid(visible=True, axis="y" if grid == "y" else "x", color=GRID, linewidth=0.8)
    axes.tick_params(length=0, labelsize=SMALL_SIZE, labelcolor=INK, labelfontfamily=FONT, pad=4)


def named_rows(axes: Axes, names: Iterable[str], *, limit: int = 40, top: float = -0.55) -> None:
    """The names of horizontal bars, the first at the top."""
    shown = [label(name, limit=limit) for name in names]
    axes.set_yticks(range(len(shown)), shown)
    axes.set_ylim(len(shown) - 0.45, top)


def named_weeks(axes: Axes, weeks: Iterable[str], *, most: int) -> None:
    """Weeks below upright bars, as many named as a reader can tell apart."""
    names = [words.period_name(week).replace("week ", "w") for week in weeks]
    every = max(1, -(-len(names) // most))
    axes.set_xticks(range(len(names))[::every], [label(name, limit=12) for name in names[::every]])
    axes.set_xlim(-0.6, len(names) - 0.4)


def stacked(
    axes: Axes, parts: Iterable[tuple[str, Sequence[float], str]], *, thick: float, upright: bool = False
) -> list[list[float]]:
    """Bars laid end to end; parts without any length have no line in the key.

    Parameters
    ----------
    parts : name, length of each bar, colour. thick : of a bar. upright : whether they stand or lie.

    Returns where each part ends, one list a part.
    """
    ends: list[list[float]] = []
    for name, sizes, colour in parts:
        before = ends[-1] if ends else [0.0] * len(sizes)
        drawn = name if sum(sizes) > 0 else None
        if upright:
            axes.bar(range(len(sizes)), sizes, bottom=before, width=thick, color=colour, label=drawn)
        else:
            axes.barh(range(len(sizes)), sizes, left=before, height=thick, color=colour, label=drawn)
        ends.append([start + size for start, size in zip(before, sizes, strict=True)])
    return ends


def panel_title(axes: Axes, text: str, *, limit: int = 60) -> None:
    """The heading of one panel among several."""
    axes.set_title(label(text, limit=limit), loc="left", fontsize=TEXT_SIZE, fontweight="bold", color=INK, family=FONT)


def axis_name(axes: Axes, *, x: str = "", y: str = "") -> None:
    """Names of the axes, with their units."""
    axes.set_xlabel(label(x), fontsize=SMALL_SIZE, color=MUTED, family=FONT)
    axes.set_ylabel(label(y), fontsize=SMALL_SIZE, color=MUTED, family=FONT)


def scale(largest: float) -> tuple[float, str]:
    """A divisor and its word for an axis: 45,000 → (1000, "thousand"), 900 → (1, "")."""
    size = abs(largest)
    if size >= 2e6:
        return 1e6, "million"
    return (1e3, "thousand") if size >= 10_000 else (1.0, "")


def plain_numbers(axes: Axes, *, which: str = "y", bins: int = 5, whole: bool = False) -> None:
    """Thousands separators and a true minus sign on an axis of numbers, with few marks."""
    axis = axes.yaxis if which == "y" else axes.xaxis
    axis.set_major_locator(MaxNLocator(nbins=bins, integer=whole, steps=[1, 2, 2.5, 5, 10]))

    def written(value: float, _: float) -> str:
        return f"{value:,.10g}".replace("-", "−")

    axis.set_major_formatter(FuncFormatter(written))


def percent_axis(axes: Axes, *, which: str = "y") -> None:
    """Shares on an axis, written as percentages."""
    axis = axes.yaxis if which == "y" else axes.xaxis
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %".replace("-", "−")))


def figure_key(figure: Figure, axes: Axes, *, columns: int = 5) -> None:
    """The key of a chart of many panels, once, below them all."""
    marks, names = axes.get_legend_handles_labels()
    if marks:
        figure.legend(marks, names, loc="outside lower left", ncols=columns, frameon=False,
                      fontsize=SMALL_SIZE, labelcolor=INK, handlelength=1.6, columnspacing=1.6)  # fmt: skip


def note(
    axes: Axes,
    text: str,
    at: tuple[float, float],
    *,
    shift: tuple[float, float] = (0.0, 0.0),
    ha: str = "center",
    va: str = "center",
    color: str = INK,
    bold: bool = False,
    size: float = SMALL_SIZE,
) -> None:
    """A figure or a word written at a mark of the chart.

    Parameters
    ----------
    at : place, in the units of the axes. shift : moved from there [points, right and up].
    """
    # Left out of the layout: the axes keep room for their notes, and hundreds of texts need not be measured twice.
    axes.annotate(
        text, at, in_layout=False, xytext=shift, textcoords="offset points", ha=ha, va=va, color=color, fontsize=size,
        fontweight="bold" if bold else "normal", family=FONT, zorder=5, annotation_clip=False,
    )  # fmt: skip


@dataclass(frozen=True)
class Chart:
    """A finished chart.

    Parameters
    ----------
    figure : the drawing. title : the finding it states. alt : the finding and its figures in words.
    """

    figure: Figure
    title: str
    alt: str

    def save(self, path: str) -> None:
        """Write the drawing to a file whose ending names the format (png, svg, pdf)."""
        self.figure.savefig(path, dpi=DPI, facecolor=PAPER)


def nothing_to_show(title: str) -> Chart:
    """A chart's place where there is nothing to draw: it says so instead of showing empty axes."""
    figure, (axes,) = new_figure(height=0.5, title=title)
    axes.set_axis_off()
    return Chart(figure, title, title)
