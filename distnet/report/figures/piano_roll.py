"""Music as a piano roll: each note a bar, as long as it sounds, at the height of its pitch."""

from collections.abc import Iterator
from itertools import groupby

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MultipleLocator

from distnet.data.music.pitches import OCTAVE, pitch_name
from distnet.report.colours import SERIES
from distnet.report.parts import Arrays, Part, Plot
from distnet.report.style import MUTED, legend_label, new_axes, number_axis, styled
from distnet.run_folder.figures import PianoRoll, Piece

BAR = 0.8
"""The height of a note, in semitones."""


def draw(figure: PianoRoll, _: Arrays) -> Iterator[Part]:
    """Draw a plot for each piece."""
    for number, piece in enumerate(figure.pieces, start=1):
        is_one = len(figure.pieces) == 1
        title = figure.title if is_one else f"{figure.title}: {number} of {len(figure.pieces)}"
        alt = f"{figure.title}: pitches over time"
        yield Plot(title, alt, draw_piece(figure, piece, title))


@styled()
def draw_piece(figure: PianoRoll, piece: Piece, title: str) -> Canvas:
    """Draw the voices of a piece in their colours; a line ends what was given."""
    canvas, axes = new_axes(title)
    for index, (name, pitches) in enumerate(zip(figure.voices, piece.pitches, strict=True)):
        colour = SERIES[index % len(SERIES)]
        _draw_voice(axes, pitches, figure.steps_per_beat, colour, name)
    if piece.given:
        axes.axvline(piece.given / figure.steps_per_beat, color=MUTED, linewidth=1.2)
    length = max(map(len, piece.pitches), default=0) / figure.steps_per_beat
    axes.set(xlim=(0, length or 1), xlabel="beats", ylabel="pitch")
    number_axis(axes.xaxis)
    axes.yaxis.set_major_locator(MultipleLocator(OCTAVE))
    axes.yaxis.set_major_formatter(lambda pitch, _: pitch_name(round(pitch)))
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4, borderaxespad=0.1)
    axes.set_title(axes.get_title(loc="left"), pad=28)
    return canvas


def _draw_voice(
    axes: Axes, pitches: tuple[int, ...], steps_per_beat: int, colour: str, name: str
) -> None:
    """Draw equal pitches that follow one another as one note."""
    spans, step = dict[int, list[tuple[float, float]]](), 0
    for pitch, same in groupby(pitches):
        num_steps = sum(1 for _ in same)
        if pitch >= 0:
            span = step / steps_per_beat, num_steps / steps_per_beat
            spans.setdefault(pitch, []).append(span)
        step += num_steps
    axes.plot([], [], color=colour, linewidth=4, label=legend_label(name))
    for pitch, notes in spans.items():
        axes.broken_barh(notes, (pitch - BAR / 2, BAR), facecolor=colour, edgecolor="none")
