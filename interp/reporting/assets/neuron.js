// One neuron: words, curves, spectra, and its history over training.

const WAVE = "#D55E00";

function neuronWords(neurons, place, neuron, threshold) {
  const kind = neurons.kind(place, neuron, threshold);
  if (kind === "dead") return `Neuron ${neuron} is dead at step ${neurons.steps[place]}: it has no power, hence no IPR.`;
  const [u, v, w] = [0, 1, 2];
  const phases = [u, v, w].map((curve) => shown(neurons.phase(place, curve, neuron), 2)).join(", ");
  const parts = [
    `Neuron ${neuron} at step ${neurons.steps[place]}: ${neurons.word(place, kind)}`,
    `IPR ${shown(neurons.ipr(place)[neuron])} (U ${shown(neurons.curveIpr(place, u, neuron))}, V ${shown(neurons.curveIpr(place, v, neuron))}, W ${shown(neurons.curveIpr(place, w, neuron))})`,
    `${neurons.blockAt(neurons.value("frequency", place, neuron))}${neurons.arrays.answer_frequency ? ` (answers ${neurons.frequencyOf(place, w, neuron)})` : ""}`,
    ...(neurons.irreps ? [] : [`phases a, b, c = ${phases} rad`]),
  ];
  const error = neurons.phaseError(place, neuron);
  if (error !== null) parts.push(`a ${neurons.sign > 0 ? "+" : "−"} b − c = ${shown(error, 2)} rad`);
  parts.push(`weight norm ${shown(neurons.value("norm", place, neuron))}`);
  parts.push(`invariant norm ${shown(neurons.value("invariant_norm", place, neuron), 4)}`);
  if (neurons.arrays.norm_weight) parts.push(`norm weight ${shown(neurons.value("norm_weight", place, neuron))}`);
  return parts.join(" · ") + ".";
}

function neuronNote(neurons, place) {
  const step = neurons.curvesAt(place);
  const exactness = step === neurons.steps[neurons.newest] ? "" : ", to 1/127 of each curve's largest value";
  if (step === neurons.steps[place]) return `Curves of step ${step}${exactness}.`;
  return `Curves of step ${step}, the nearest checkpoint that this file holds curves of${exactness}.`;
}

function neuronFigure(neurons, place, neuron, narrow) {
  const step = neurons.curvesAt(place);
  const at = neurons.steps.indexOf(step);
  const data = [];
  const layout = { height: narrow ? 1100 : 560, ...legendBelow(narrow, 2) };
  layout.margin.t = 12;
  const rows = narrow ? 6 : 3;
  const filled = narrow ? 0.62 : 0.86; // of a row; axis titles need the rest
  const domain = (row) => [Math.max(0, 1 - (row + filled) / rows), 1 - row / rows];
  neurons.curves.forEach((name, curve) => {
    const values = neurons.weights(step, curve, neuron);
    const spectrum = neurons.irreps ? irrepParts(neurons, values) : coefficients(values);
    const frequency = neurons.frequencyOf(at, curve, neuron);
    const left = 2 * curve + 1, right = left + 1;
    const [x, y, x2, y2] = [`x${left}`, `y${left}`, `x${right}`, `y${right}`].map((one) => one.replace(/^([xy])1$/, "$1"));
    const named = neurons.irreps ? { text: neurons.elementNames, hoverinfo: "text+y" } : {};
    const wave = neurons.irreps ? spectrum[frequency] : waveOf(spectrum, frequency, values.length);
    const shares = neurons.irreps ? powerOfParts(spectrum) : powerShares(spectrum);
    const common = { x: values.map((_, i) => i), xaxis: x, yaxis: y, showlegend: curve === 0 };
    data.push({ ...common, ...named, y: values, mode: "lines+markers", name: "weight", legendgroup: "weight", marker: { size: 4 }, line: { color: neurons.colours.high, width: 1 } });
    data.push({ ...common, y: wave, mode: "lines", name: `its component at ${neurons.blockAt(frequency)}`, legendgroup: "wave", line: { color: WAVE, width: 1.5, dash: "dot" } });
    data.push({ type: "bar", y: shares, text: neurons.irreps || undefined, textposition: "none", xaxis: x2, yaxis: y2, showlegend: false, marker: { color: "#222222" }, hovertemplate: `${neurons.block} %{x}${neurons.irreps ? ": %{text}" : ""}<br>%{y:.3f} of the power<extra></extra>` });
    const [top, below] = narrow ? [2 * curve, 2 * curve + 1] : [curve, curve];
    const last = curve === 2;
    const ticks = { showticklabels: last || narrow };
    const axis = (name_) => name_.replace(/^([xy])(\d*)$/, "$1axis$2");
    layout[axis(x)] = { domain: narrow ? [0, 1] : [0, 0.56], anchor: y, ...ticks, title: { text: last || narrow ? neurons.axis : "" } };
    layout[axis(y)] = { domain: domain(top), anchor: x, title: { text: name } };
    layout[axis(x2)] = { domain: narrow ? [0, 1] : [0.66, 1], anchor: y2, ...ticks, title: { text: last || narrow ? neurons.block : "" } };
    layout[axis(y2)] = { domain: domain(below), anchor: x2, title: { text: "share of power" }, range: [0, 1.02] };
  });
  return { data, layout };
}

function historyFigure(neurons, place, neuron, threshold, narrow) {
  const places = neurons.steps.map((_, i) => i).filter((i) => neurons.steps[i] > 0);
  const steps = places.map((i) => neurons.steps[i]);
  const kinds = places.map((i) => neurons.kind(i, neuron, threshold));
  const curves = ["U", "V", "W"].map((name, curve) => ({
    x: steps, y: places.map((i) => neurons.curveIpr(i, curve, neuron)), mode: "lines", name: `IPR of ${name}`,
    line: { width: 1, color: "#8C8C8C", dash: ["solid", "dash", "dot"][curve] }, hoverinfo: "skip",
  }));
  const own = {
    x: steps, y: places.map((i) => neurons.ipr(i)[neuron]), mode: "lines+markers", name: `IPR of neuron ${neuron}`,
    line: { color: "#222222", width: 1.5 },
    marker: { size: 8, color: kinds.map((kind) => neurons.colours[kind]), symbol: kinds.map((kind) => (kind === "low" ? "diamond" : "circle")) },
    customdata: places.map((i) => [i, neurons.blockAt(neurons.value("frequency", i, neuron))]),
    hovertemplate: "step %{x}<br>IPR %{y:.3f}<br>%{customdata[1]}<extra></extra>",
  };
  const shapes = [line("y", threshold)];
  if (neurons.steps[place] > 0) shapes.push(line("x", neurons.steps[place]));
  return {
    data: [...curves, own],
    layout: {
      height: narrow ? 380 : 360, shapes, ...legendBelow(narrow, 4),
      xaxis: { type: "log", ...logTicks(steps), title: { text: "step (click a point to go there)" } },
      yaxis: { range: [0, 1.03], title: { text: "IPR" } },
    },
  };
}
