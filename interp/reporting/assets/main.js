// Puts the page together.

function showNeurons(view, drawing) {
  const { neurons } = view;
  const table = new NeuronTable(view);
  const figures = {
    ipr: () => histogramFigure(neurons, view.place, view.threshold, drawing.narrow),
    position: () => positionFigure(neurons, view.place, view.threshold, drawing.narrow),
    neuron: () => neuronFigure(neurons, view.place, view.neuron, drawing.narrow),
    history: () => historyFigure(neurons, view.place, view.neuron, view.threshold, drawing.narrow),
    spectra: () => spectraFigure(neurons, view.place, view.threshold),
  };
  if (neurons.arrays.norm_weight) {
    find("norm-section").hidden = false;
    figures.norm = () => normFigure(neurons, view.place, view.threshold, drawing.narrow);
  }
  if (find("figure-frequencies")) figures.frequencies = () => frequenciesFigure(neurons, view.place, view.threshold);
  const needs = {
    ipr: ["place", "threshold"], position: ["place", "threshold"], neuron: ["place", "neuron"],
    history: ["place", "neuron", "threshold"], spectra: ["place", "threshold"], norm: ["place", "threshold"],
    frequencies: ["place", "threshold"],
  };
  const words = () => {
    showControls(view);
    showScores(view);
    find("neuron-words").textContent = neuronWords(neurons, view.place, view.neuron, view.threshold);
    find("neuron-note").textContent = neuronNote(neurons, view.place);
  };
  const drawn = {};
  for (const [key, make] of Object.entries(figures)) {
    drawn[key] = drawing.show(`figure-${key}`, make);
    drawn[key].title = "";
  }
  let changed = {};
  const light = onceAFrame(() => {
    words();
    for (const key of ["ipr", "position", "neuron", "history"]) {
      if (needs[key].some((name) => changed[name])) drawing.draw(`figure-${key}`, figures[key]);
    }
    if (changed.place) find("in-bar").hidden = true;
    if (changed.neuron) table.mark();
    heavy();
  });
  const heavy = afterRest(() => {
    for (const key of ["spectra", "norm", "frequencies"]) {
      if (figures[key] && needs[key].some((name) => changed[name])) drawing.draw(`figure-${key}`, figures[key]);
    }
    if (changed.place || changed.threshold) table.render();
    changed = {};
  }, 120);
  view.onChange((names) => { Object.assign(changed, names); light(); });
  words();
  bindClicks(view, drawn);
  return table;
}

function bindClicks(view, drawn) {
  const { neurons } = view;
  drawn.ipr.on("plotly_click", ({ points }) => showBar(view, points[0].x));
  drawn.spectra.on("plotly_click", ({ points }) => view.set({ neuron: [points[0].customdata].flat()[0] }));
  drawn.history.on("plotly_click", ({ points }) => {
    const at = points.find((point) => point.customdata);
    if (at) view.set({ place: at.customdata[0] });
  });
  drawn.norm?.on("plotly_click", ({ points }) => view.set({ neuron: points[0].customdata }));
  drawn.position.on("plotly_click", ({ points }) => {
    const ascending = Array.from(neurons.ipr(view.place), (value) => (Number.isNaN(value) ? -1 : value)).sort((a, b) => a - b);
    const pruned = Math.round(points[0].x);
    // The threshold that prunes so many: that neuron's own IPR is the first to be kept.
    view.set({ threshold: pruned >= neurons.count ? 1 : Math.max(0, ascending[pruned]) });
  });
}

// The address holds threshold, checkpoint, neuron and pair; who opens it sees the same.
async function copyLink(button) {
  const words = button.textContent;
  window.report?.view?.write();
  try {
    await navigator.clipboard.writeText(location.href);
  } catch { // a browser may not allow it
    const field = Object.assign(document.createElement("input"), { value: location.href });
    button.after(field);
    field.select();
    const copied = document.execCommand("copy");
    if (!copied) return; // the field stays, to copy by hand
    field.remove();
  }
  button.textContent = "copied";
  setTimeout(() => { button.textContent = words; }, 1500);
}

async function start() {
  if (typeof DecompressionStream === "undefined") {
    document.querySelector("main").prepend("The figures need a browser of 2023 or later.");
    return;
  }
  const given = JSON.parse(find("given").textContent);
  await loadPlotly();
  const drawing = new Drawing(given);
  const button = (id, textContent, work) => {
    const made = Object.assign(document.createElement("button"), { type: "button", id, textContent });
    made.addEventListener("click", work);
    return made;
  };
  const tools = Object.assign(document.createElement("div"), { id: "tools" });
  tools.append(
    button("permalink", "copy link", (event) => copyLink(event.target)),
    button("theme", "light / dark", () => drawing.setDark(!dark)),
  );
  document.querySelector(".top").append(tools);
  if (given.live) {
    const arrays = arraysOf(given.live.arrays, await unpacked("arrays"));
    const view = new View(new Neurons(given.live, arrays));
    bindControls(view);
    const table = showNeurons(view, drawing);
    window.report = { view, table };
  }
  if (given.pairs) {
    const pairs = new Pairs(given.pairs, arraysOf(given.pairs.arrays, await unpacked("pair-arrays")));
    window.report = { ...window.report, pairs: new PairView(pairs, drawing, window.report?.view) };
    window.report.pairs.start();
  }
  for (const [key, figure] of Object.entries(given.figures)) drawing.showMade(key, figure);
  document.documentElement.dataset.ready = "true";
}

start();
