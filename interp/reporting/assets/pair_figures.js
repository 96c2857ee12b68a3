// Figures of pairs: a cell a pair, and the neurons of one of them.

const SHOWN_BARS = 15; // neurons on either side
const SQUARE = { least: 120, most: 560 }; // pixels of its side, in a window of any width

// A square of cells as wide as its place, plotly's buttons above it, a bar of colours below it, the chosen pair framed.
function cellsFigure(pairs, id, { values, look, name, words }, pair) {
  const width = Math.max(SQUARE.least, Math.min(document.getElementById(id).clientWidth - 72, SQUARE.most));
  const colorbar = { ...look.colorbar, title: {}, yref: "container", y: 0, yanchor: "bottom", len: 1, outlinewidth: 0, tickfont: { size: 10.5 } };
  const edges = { range: [-0.5, pairs.p - 0.5], constrain: "domain", showgrid: false };
  return {
    data: [
      {
        type: "heatmap", name, z: pairs.grid(values), text: words, ...look, colorbar,
        hoverongaps: false, hovertemplate: "%{text}<extra></extra>",
      },
      {
        x: [pairs.get("x", pair)], y: [pairs.get("y", pair)], mode: "markers", hoverinfo: "skip", showlegend: false,
        marker: { symbol: "square-open", size: Math.max(9, width / pairs.p + 4), color: "#222222", line: { width: 2 } },
      },
    ],
    layout: {
      height: width + 134, hovermode: "closest", dragmode: false, margin: { l: 56, r: 16, t: 30, b: 104 },
      xaxis: { title: { text: "first operand" }, ...edges },
      yaxis: { title: { text: "second operand" }, scaleanchor: "x", constraintoward: "top", ...edges },
    },
  };
}

function pairsFigure(pairs, layer, pair) {
  return cellsFigure(pairs, "figure-pairs", {
    name: layer.name, look: layer.look, words: pairs.words,
    values: (place) => { const value = pairs.get(layer.name, place); return layer.name === "answer" && value < 0 ? null : value; },
  }, pair);
}

function neuronCellsFigure(pairs, votes, pair) {
  const most = votes.reduce((top, one) => Math.max(top, Math.abs(one)), 0) || 1;
  const { colorbar } = pairs.layers[0].look;
  return cellsFigure(pairs, "figure-cells", {
    name: "vote", values: (place) => votes[place],
    look: {
      colorscale: pairs.diverging, zmin: -most, zmax: most, // blue: for the label
      colorbar: { ...colorbar, tickvals: undefined, ticktext: undefined },
    },
    words: pairs.grid((place) => `(${pairs.get("x", place)}, ${pairs.get("y", place)}): ${short(votes[place])} for ${pairs.get("ahead", place)} over ${pairs.get("behind", place)}<br>${pairs.parts[pairs.get("split", place)]}, ${pairs.outcome(place)}`),
  }, pair);
}

// The neurons that add most to a margin and those that take most from it, greatest first.
function strongest(votes) {
  const order = Array.from(votes.keys()).sort((a, b) => votes[b] - votes[a] || a - b);
  return order.length <= 2 * SHOWN_BARS ? order : [...order.slice(0, SHOWN_BARS), ...order.slice(-SHOWN_BARS)];
}

function pairVotesFigure(pairs, view, pair) {
  const { neurons, threshold } = view;
  const votes = pairs.votesOfPair(pair);
  const order = strongest(votes);
  const place = neurons.newest;
  const rows = order.map(String);
  const data = ["high", "low", "dead"].map((kind) => {
    const own = order.filter((neuron) => neurons.kind(place, neuron, threshold) === kind);
    return {
      type: "bar", orientation: "h", y: own.map(String), x: own.map((neuron) => votes[neuron]), name: neurons.word(place, kind),
      customdata: own.map((neuron) => [neuron, shown(neurons.ipr(place)[neuron])]), visible: own.length > 0,
      marker: {
        color: neurons.colours[kind], line: { color: own.map((neuron) => (neuron === view.neuron ? "#222222" : "white")), width: 1.5 },
        pattern: { shape: kind === "low" ? "/" : "", fillmode: "overlay", fgcolor: "white", solidity: 0.15, size: 6 },
      },
      hovertemplate: `neuron %{customdata[0]}<br>IPR %{customdata[1]}<br>adds %{x:.4f}<extra>${neurons.word(place, kind)}</extra>`,
    };
  });
  return {
    data,
    layout: {
      height: 140 + 17 * rows.length, ...legendBelow(false), barmode: "overlay", bargap: 0.15, dragmode: false, showlegend: true,
      margin: { t: 30, b: 90, l: 56, r: 16 },
      xaxis: { title: { text: `logits for ${pairs.get("ahead", pair)} over ${pairs.get("behind", pair)}` }, zeroline: true, zerolinecolor: "#8c8c8c" },
      yaxis: { title: { text: "neuron" }, type: "category", categoryorder: "array", categoryarray: rows.toReversed(), tickfont: { size: 10 }, dtick: 1, range: [-0.6, rows.length - 0.4] },
    },
  };
}
