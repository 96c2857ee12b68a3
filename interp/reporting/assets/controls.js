// Sliders, numbers, buttons and clicks.

function find(id) {
  return document.getElementById(id);
}

// At most once a frame, however fast a slider moves.
function onceAFrame(work) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; work(); });
  };
}

function afterRest(work, milliseconds) {
  let timer;
  return () => { clearTimeout(timer); timer = setTimeout(work, milliseconds); };
}

function bindControls(view) {
  const { neurons } = view;
  const [slider, number, step] = ["threshold", "threshold-number", "step"].map(find);
  slider.addEventListener("input", () => view.set({ threshold: Number(slider.value) }));
  number.addEventListener("change", () => {
    const value = Number(number.value);
    if (number.value !== "" && value >= 0 && value <= 1) view.set({ threshold: value });
    else number.value = view.threshold.toFixed(3);
  });
  find("automatic").addEventListener("click", () => {
    const cut = neurons.automatic[view.place];
    if (cut !== null) view.set({ threshold: cut });
  });
  find("null").addEventListener("click", () => view.set({ threshold: neurons.null.threshold }));
  find("null").hidden = !neurons.null;
  find("class-note").open = innerWidth >= 700; // below that the bar is as low as can be
  document.querySelectorAll(".convention").forEach((place) => { place.textContent = neurons.convention; });
  step.max = neurons.newest;
  step.addEventListener("input", () => view.set({ place: Number(step.value) }));
  find("neuron").max = neurons.count - 1;
  find("neuron").addEventListener("change", () => {
    const value = Number(find("neuron").value);
    if (Number.isInteger(value) && value >= 0 && value < neurons.count) view.set({ neuron: value });
    else find("neuron").value = view.neuron;
  });
  find("previous-neuron").addEventListener("click", () => view.set({ neuron: neighbour(view, -1) }));
  find("next-neuron").addEventListener("click", () => view.set({ neuron: neighbour(view, 1) }));
  addEventListener("hashchange", () => {
    const before = { place: view.place, threshold: view.threshold, neuron: view.neuron };
    view.read();
    const asked = { place: view.place, threshold: view.threshold, neuron: view.neuron };
    Object.assign(view, before);
    view.set(asked);
  });
}

function showControls(view) {
  const { neurons, place, threshold, neuron } = view;
  find("threshold").value = threshold;
  find("threshold").setAttribute("aria-valuetext", `IPR ${threshold.toFixed(3)}`);
  if (document.activeElement !== find("threshold-number")) find("threshold-number").value = threshold.toFixed(3);
  find("automatic").disabled = neurons.automatic[place] === null;
  // A threshold that a rule gave is called by its rule.
  find("automatic").setAttribute("aria-pressed", threshold === neurons.automatic[place]);
  find("null").setAttribute("aria-pressed", threshold === neurons.null?.threshold);
  find("step").value = place;
  find("step-words").innerHTML = `<span class="roomy">step </span>${view.step}<span class="roomy"> of ${neurons.steps[neurons.newest]}</span>`;
  find("step").setAttribute("aria-valuetext", find("step-words").textContent);
  find("neuron").value = neuron;
  const { kept, pruned, dead } = neurons.counts(place, threshold);
  find("kept").textContent = kept;
  find("pruned").textContent = pruned;
  const { sentence, mark } = neurons.words[place];
  find("class-words").textContent = sentence && `Step ${view.step}. ${sentence}`;
  find("class-mark").textContent = mark;
  find("class-note").hidden = !sentence;
  find("dead-words").textContent = dead ? `, ${dead} of them dead` : "";
}

// The neuron of next lower or higher IPR; the dead stand below all.
function neighbour(view, way) {
  const ipr = view.neurons.ipr(view.place);
  const value = (i) => (Number.isNaN(ipr[i]) ? -1 : ipr[i]);
  const order = Array.from(ipr.keys()).sort((a, b) => value(a) - value(b) || a - b);
  const place = order.indexOf(view.neuron) + way;
  return order[Math.max(0, Math.min(order.length - 1, place))];
}

// Accuracies at the threshold: a cell of the table for each split.
function showScores(view) {
  const { neurons, place, threshold } = view;
  const { pruned } = neurons.counts(place, threshold);
  const has = neurons.hasPruning(place);
  const at = nearest(neurons.sizes, pruned);
  const drawn = has && neurons.drawsAt(place) > 0;
  const beside = drawn ? nearest(neurons.controlSizes(place), pruned) : 0;
  neurons.splits.forEach((split, which) => {
    const cells = document.querySelectorAll(`#before-after tr[data-split="${split.name}"] td`);
    const curve = has ? neurons.after(place, which) : [neurons.before[place]?.[which]];
    const [mean, low, high] = [0, 1, 2].map((row) => (drawn ? neurons.control(place, row, which)[beside] : NaN));
    const band = Number.isNaN(low) ? "–" : `${shown(low)} – ${shown(high)}`;
    const norms = [0, 1].map((norm) => (place === neurons.newest ? neurons.byNorm(norm, which, at) : NaN));
    const words = [shown(curve[0]), shown(has ? curve[at] : NaN), shown(mean), band, ...norms.map((norm) => shown(norm))];
    words.forEach((word, i) => { cells[i].textContent = word; });
  });
  if (drawn) find("band-words").textContent = neurons.bandWords(place);
  const scored = { by: neurons.sizes[at], random: drawn ? neurons.controlSizes(place)[beside] : null };
  find("scores-words").textContent = scoresWords(view, pruned, has ? scored : null);
  const note = find("scores-note");
  note.hidden = has;
  note.textContent = `No pruning curve at step ${view.step}. This file holds those of steps ${neurons.withPruning.join(", ")}.`;
}

// What was scored; a network on a grid of sizes, or a control on one, says the size.
function scoresWords(view, pruned, scored) {
  const { neurons, place } = view;
  const words = [`Step ${view.step}, ${pruned} of ${neurons.count} neurons pruned (IPR < ${shown(view.threshold)}, ${neurons.convention}).`];
  if (scored && scored.by !== pruned) words.push(`Scored with ${scored.by} pruned, the nearest on the curve's grid.`);
  if (scored && scored.random !== null) {
    words.push(`Control: ${neurons.drawsAt(place)} random prunings of ${scored.random} neurons (seed ${neurons.controlSeed}).`);
  }
  words.push("Nothing is retrained.");
  return words.join(" ");
}

// The neurons of a bar, to choose from; the first is chosen.
function showBar(view, centre) {
  const { neurons, place } = view;
  const bin = Math.floor(centre * neurons.bins);
  const ipr = neurons.ipr(place);
  const inside = Array.from(ipr.keys()).filter((i) => Math.min(neurons.bins - 1, Math.floor(ipr[i] * neurons.bins)) === bin);
  const place_ = find("in-bar");
  place_.hidden = !inside.length;
  place_.replaceChildren(`${inside.length} neurons of IPR ${shown(bin / neurons.bins, 2)} to ${shown((bin + 1) / neurons.bins, 2)}: `);
  for (const i of inside.slice(0, 60)) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = i;
    button.addEventListener("click", () => view.set({ neuron: i }));
    place_.append(button);
  }
  if (inside.length) view.set({ neuron: inside[0] });
}
