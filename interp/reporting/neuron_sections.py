"""The sections of the report on neurons, as they are before a script runs."""

from __future__ import annotations

from html import escape

from interp.analysis.ablation.at_threshold import scores_at
from interp.analysis.ablation.ranking import MAIN
from interp.reporting.reading import NeuronReading, Reading
from interp.reporting.sections import asset, section
from interp.reporting.wide import words_of
from interp.training.data.splits import SPLIT_MEANING, SPLITS
from interp.words.sentences import class_mark, number


def neuron_sections(reading: Reading, neurons: NeuronReading, training: str) -> str:
    """The sections on neurons, those of the threshold before the training curves."""
    names = [escape(name) for name in neurons.curves.rankings if name != MAIN]
    heads = "".join(f'<th scope="col">by {name}</th>' for name in names)
    words = neurons.classes.words
    return (
        asset("neurons.html")
        .replace("<!--hidden-->", "" if words.sentence else " hidden")
        .replace("<!--class mark-->", class_mark(words))
        .replace("<!--class words-->", escape(words.sentence))
        .replace("<!--training-->", training)
        .replace("<!--frequencies-->", _frequencies(reading))
        .replace("<!--rankings-->", heads)
        .replace("<!--names of rankings-->", " and by ".join(names))
        .replace("<!--before-after-->", before_after(neurons))
        .replace("<!--note on rankings-->", _note(neurons.table.note))
        .replace("<!--note on many-->", _note(words_of(neurons.curves)))
    )


def _note(words: str) -> str:
    """A sentence on the rankings, where they need one."""
    return f'<p class="note">{escape(words[0].upper() + words[1:])}.</p>' if words else ""


def _frequencies(reading: Reading) -> str:
    """How many neurons each frequency has, where the embeddings' spectrum tells none apart."""
    if not reading.flat:
        return ""
    table = reading.embeddings
    block = "frequency" if table is None else table.block
    words = f"Neurons above the threshold by their dominant {block}, at the chosen checkpoint."
    note = f"{reading.flat} So its figure is left out, and the neurons are counted instead."
    drawn = section("frequencies", f"How many neurons each {block} has", words)
    return drawn.replace("<div", f'<p class="note">{escape(note)}</p>\n<div', 1)


def before_after(neurons: NeuronReading) -> str:
    """Accuracies at the classes' threshold, as table rows that the script keeps up to date."""
    found = scores_at(neurons.curves, neurons.table, neurons.classes.threshold)
    place = int((neurons.curves.sizes == found.size).argmax())
    curves = neurons.curves
    beside = [curves[name, "lowest"].accuracy for name in curves.rankings if name != MAIN]
    lines = []
    for split in SPLITS:
        mean, low, high = (
            None if band is None else band[split] for band in (found.mean, found.low, found.high)
        )
        band = "–" if mean is None else f"{number(low)} – {number(high)}"
        cells = [
            number(found.before[split]),
            number(found.after[split]),
            number(mean),
            band,
            *(number(None if (row := one[split]) is None else float(row[place])) for one in beside),
        ]
        lines.append(
            f'<tr data-split="{split}"><th scope="row" title="{escape(SPLIT_MEANING[split])}">'
            f"{split}</th>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
        )
    return "\n".join(lines)
