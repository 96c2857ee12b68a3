// Figures that follow the threshold and the checkpoint.

function histogramFigure(neurons, place, threshold, narrow) {
  const width = 1 / neurons.bins;
  const centres = Array.from({ length: neurons.bins }, (_, i) => (i + 0.5) * width);
  const heights = { low: new Array(neurons.bins).fill(0), high: new Array(neurons.bins).fill(0) };
  for (const ipr of neurons.ipr(place)) {
    if (Number.isNaN(ipr)) continue;
    heights[ipr >= threshold ? "high" : "low"][Math.min(neurons.bins - 1, Math.floor(ipr * neurons.bins))] += 1;
  }
  const total = (kind) => heights[kind].reduce((sum, one) => sum + one, 0);
  const data = Object.keys(heights).map((kind) => ({
    type: "bar", x: centres, y: heights[kind], width, name: `${neurons.word(place, kind)} (${total(kind)})`,
    marker: {
      color: neurons.colours[kind], line: { color: "white", width: 0.5 },
      pattern: { shape: kind === "low" ? "/" : "", fillmode: "overlay", fgcolor: "white", solidity: 0.15, size: 6 },
    },
    hovertemplate: `IPR %{x:.2f} ± ${width / 2}<br>%{y} neurons<extra>${neurons.word(place, kind)}</extra>`,
  }));
  if (neurons.null) {
    const expected = neurons.null.share.map((share) => share * (total("low") + total("high")));
    data.push({
      x: centres.flatMap((centre) => [centre - width / 2, centre + width / 2]), y: expected.flatMap((one) => [one, one]),
      mode: "lines", name: `Gaussian noise (mean ${shown(neurons.null.mean)})`, line: { color: "#222222", width: 1, dash: "dot" }, hoverinfo: "skip",
    });
  }
  return {
    data,
    layout: {
      height: narrow ? 360 : 400, barmode: "stack", bargap: 0, shapes: [line("x", threshold)], ...legendBelow(narrow, 3),
      xaxis: { title: { text: iprTitle(neurons, narrow) }, range: [0, 1] },
      yaxis: { title: { text: `neurons (of ${neurons.count})` } },
    },
  };
}

function positionFigure(neurons, place, threshold, narrow) {
  const { pruned } = neurons.counts(place, threshold);
  const layout = {
    height: narrow ? 460 : 420, ...legendBelow(narrow, 8), shapes: [line("x", pruned)],
    xaxis: { title: { text: `pruned neurons of ${neurons.count}, lowest IPR first` }, range: [0, neurons.count] },
    yaxis: { title: { text: "accuracy" }, range: [-0.03, 1.03] },
  };
  if (!neurons.hasPruning(place)) {
    layout.annotations = [{ text: "no pruning curve at this checkpoint", showarrow: false, xref: "paper", yref: "paper", x: 0.5, y: 0.5 }];
    return { data: [], layout };
  }
  const sizes = Array.from(neurons.sizes);
  const data = [];
  const ofControl = neurons.drawsAt(place) ? Array.from(neurons.controlSizes(place)) : [];
  neurons.splits.forEach((split, index) => {
    if (!ofControl.length) return;
    const [low, high] = [1, 2].map((row) => Array.from(neurons.control(place, row, index)));
    if (!["test", "corrupted"].includes(split.name) || Number.isNaN(low[0])) return;
    data.push({
      x: [...ofControl, ...ofControl.toReversed()], y: [...low, ...high.toReversed()], fill: "toself", line: { width: 0 },
      fillcolor: faint(split.colour), name: `${split.name}, random (${neurons.bandWords(place)})`, hoverinfo: "skip",
    });
  });
  neurons.splits.forEach((split, index) => {
    const values = neurons.after(place, index);
    if (Number.isNaN(values[0])) return;
    data.push({
      x: sizes, y: Array.from(values), mode: "lines", name: split.name, visible: split.name === "all" ? "legendonly" : true,
      line: { color: split.colour, dash: split.dash, width: 2 }, hovertemplate: `%{x} pruned<br>accuracy %{y:.4f}<extra>${split.name}</extra>`,
    });
  });
  return { data, layout };
}

// With the convention where there is room; the page's caption says it too.
function iprTitle(neurons, narrow) {
  return narrow ? "IPR of a neuron" : `IPR of a neuron (${neurons.convention})`;
}

function faint(colour) {
  const [red, green, blue] = [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
  return `rgba(${red},${green},${blue},0.15)`;
}

// Rows of the heat map: kept, pruned, dead; by frequency inside each.
function heatOrder(neurons, place, threshold) {
  const rank = { high: 0, low: 1, dead: 2 };
  return Array.from({ length: neurons.count }, (_, i) => i)
    .map((i) => [rank[neurons.kind(place, i, threshold)], neurons.value("frequency", place, i), i])
    .sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
}

// Where a row is the mean of several neurons: from the highest IPR down, with one neuron of each.
function denseOrder(neurons, place, threshold) {
  const ipr = neurons.ipr(place);
  const key = Array.from(ipr, (value) => (Number.isNaN(value) ? -1 : value));
  const byIpr = Array.from(key.keys()).sort((a, b) => key[a] - key[b] || a - b);
  const rank = { high: 0, low: 1, dead: 2 };
  const longer = neurons.count % neurons.rows, size = Math.floor(neurons.count / neurons.rows);
  return Array.from({ length: neurons.rows }, (_, row) => {
    const first = row * size + Math.min(row, longer);
    const neuron = byIpr[first + Math.floor((size + (row < longer)) / 2)];
    return [rank[neurons.kind(place, neuron, threshold)], 0, row, neuron];
  }).reverse();
}

function spectraFigure(neurons, place, threshold) {
  const dense = neurons.rows < neurons.count;
  const order = dense ? denseOrder(neurons, place, threshold) : heatOrder(neurons, place, threshold);
  const edges = [0, 1].map((kind) => order.filter((row) => row[0] <= kind).length).filter((edge) => edge > 0 && edge < order.length);
  return {
    data: [{
      type: "heatmap", z: order.map((row) => neurons.shares(place, row[2])), zmin: 0, zmax: 1, colorscale: "Viridis",
      customdata: order.map((row) => new Array(neurons.frequencies).fill(row[3] ?? row[2])),
      text: order.map(() => Array.from({ length: neurons.frequencies }, (_, k) => neurons.blockAt(k))),
      colorbar: { title: { text: "share of power", side: "right" }, thickness: 14 },
      hovertemplate: `${dense ? "neurons like " : "neuron "}%{customdata}<br>%{text}<br>share %{z:.2f}<extra></extra>`,
    }],
    layout: {
      height: 540,
      shapes: edges.map((edge) => ({ type: "line", xref: "paper", x0: 0, x1: 1, y0: edge - 0.5, y1: edge - 0.5, line: { color: "#fdfdfd", width: 1.5 } })),
      xaxis: { title: { text: neurons.irreps ? "irrep (0 is trivial)" : "frequency (0 is the constant)" } },
      yaxis: { title: { text: dense ? "neurons, highest IPR first" : "neurons" }, autorange: "reversed" },
    },
  };
}

function normFigure(neurons, place, threshold, narrow) {
  const data = ["low", "high"].map((kind) => {
    const members = Array.from({ length: neurons.count }, (_, i) => i).filter((i) => neurons.kind(place, i, threshold) === kind);
    return {
      x: members.map((i) => neurons.ipr(place)[i]), y: members.map((i) => neurons.value("norm_weight", place, i)), customdata: members,
      mode: "markers", name: neurons.word(place, kind), marker: { color: neurons.colours[kind], symbol: kind === "low" ? "diamond" : "circle", size: 6, opacity: 0.7 },
      hovertemplate: `neuron %{customdata}<br>IPR %{x:.3f}<br>|weight| %{y:.3f}<extra>${neurons.word(place, kind)}</extra>`,
    };
  });
  return {
    data,
    layout: {
      height: 400, ...legendBelow(narrow, 2), shapes: [line("x", threshold)],
      xaxis: { title: { text: iprTitle(neurons, narrow) }, range: [0, 1.02] },
      yaxis: { title: { text: "|weight of the norm|" }, rangemode: "tozero" },
    },
  };
}

// How many neurons above the threshold have each dominant frequency, or irrep.
function frequenciesFigure(neurons, place, threshold) {
  const counts = new Array(neurons.frequencies).fill(0);
  for (let i = 0; i < neurons.count; i++) {
    if (neurons.kind(place, i, threshold) === "high") counts[neurons.value("frequency", place, i)] += 1;
  }
  return {
    data: [{
      type: "bar", x: counts.map((_, k) => k), y: counts, text: counts.map((_, k) => neurons.blockAt(k)), textposition: "none",
      marker: { color: neurons.colours.high }, hovertemplate: "%{text}<br>%{y} neurons<extra></extra>",
    }],
    layout: {
      height: 320,
      xaxis: { title: { text: neurons.irreps ? "irrep (0 is trivial)" : "frequency (0 is the constant)" } },
      yaxis: { title: { text: `${neurons.word(place, "high")} neurons` }, rangemode: "tozero" },
    },
  };
}
