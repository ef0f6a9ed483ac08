"""What every chart of this room returns: the drawing, the finding it states, and the words for who cannot
see it.
"""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.figure import Figure

from soe_lib.review import style


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
        self.figure.savefig(path, dpi=style.DPI, facecolor=style.PAPER)


def nothing_to_show(title: str) -> Chart:
    """A chart's place where there is nothing to draw: it says so instead of showing empty axes."""
    figure, (axes,) = style.new_figure(height=0.5, title=title)
    axes.set_axis_off()
    return Chart(figure, title, title)
