// The section on pairs: which pair and which neuron are looked at, and what follows.

const SHOWN_CELLS = 12; // buttons on either side

class PairView {
  // `view` is that of the neurons; a page without neurons has none.
  constructor(pairs, drawing, view) {
    Object.assign(this, { pairs, drawing, view: pairs.neurons ? view : null, layer: pairs.layers[0] });
    pairs.words = pairs.grid((place) => this.hover(place));
    this.pair = pairs.at(...(view?.asked ?? []));
    if (this.pair < 0) this.pair = firstOf(pairs);
  }

  hover(place) {
    const { pairs } = this;
    const facts = pairs.facts(place).map(([name, value]) => `${name}: ${value}`);
    return [`pair (${pairs.get("x", place)}, ${pairs.get("y", place)})`, ...facts].join("<br>");
  }

  start() {
    const { drawing, view } = this;
    this.controls();
    this.words();
    this.click(drawing.show("figure-pairs", () => pairsFigure(this.pairs, this.layer, this.pair)));
    if (!view) return;
    this.neuronWords();
    const bars = drawing.show("figure-pair-votes", () => pairVotesFigure(this.pairs, view, this.pair));
    bars.on("plotly_click", ({ points }) => view.set({ neuron: points[0].customdata[0] }));
    this.click(drawing.show("figure-cells", () => neuronCellsFigure(this.pairs, this.votes, this.pair)));
    const changed = {};
    const follow = afterRest(() => {
      if (changed.neuron) { this.neuronWords(); this.again("figure-cells"); }
      if (changed.neuron || changed.threshold) this.again("figure-pair-votes");
      for (const name of Object.keys(changed)) delete changed[name];
    }, 60);
    view.onChange((names) => { Object.assign(changed, names); follow(); });
  }

  again(id) {
    this.drawing.draw(id, this.drawing.drawn.get(id));
  }

  click(element) {
    element.on("plotly_click", ({ points }) => this.choose(this.pairs.at(points[0].x, points[0].y)));
  }

  choose(pair) {
    if (pair < 0 || pair === this.pair) { this.numbers(); return; }
    this.pair = pair;
    if (this.view) {
      this.view.asked = [this.pairs.get("x", pair), this.pairs.get("y", pair)];
      this.view.write();
    }
    this.words();
    for (const id of ["figure-pairs", ...(this.view ? ["figure-pair-votes", "figure-cells"] : [])]) this.again(id);
  }

  controls() {
    const { pairs } = this;
    const select = find("pair-colour");
    select.append(...pairs.layers.map(({ name }) => new Option(name, name)));
    select.addEventListener("change", () => {
      this.layer = pairs.layers[select.selectedIndex];
      find("pair-colour-words").textContent = this.layer.words;
      this.again("figure-pairs");
    });
    find("pair-colour-words").textContent = this.layer.words;
    for (const id of ["pair-x", "pair-y"]) {
      find(id).max = pairs.p - 1;
      find(id).addEventListener("change", () => this.choose(pairs.at(...["pair-x", "pair-y"].map((one) => (find(one).value === "" ? NaN : Number(find(one).value))))));
    }
  }

  numbers() {
    for (const name of ["x", "y"]) find(`pair-${name}`).value = this.pairs.get(name, this.pair);
  }

  words() {
    const { pairs, pair, view } = this;
    this.numbers();
    showFacts("pair-facts", pairs.facts(pair));
    if (!view) return;
    const [ahead, behind] = ["ahead", "behind"].map((name) => pairs.get(name, pair));
    const between = pairs.get("between", pair);
    const sum = pairs.votesOfPair(pair).reduce((total, one) => total + one, 0);
    const over = pairs.get("wrong", pair) ? `the given ${ahead} over the true ${behind}` : `${ahead}, its label, over ${behind}, the strongest other`;
    const some = pairs.neurons > 2 * SHOWN_BARS ? `The ${SHOWN_BARS} greatest and the ${SHOWN_BARS} least votes of neurons` : "The votes of the neurons";
    find("pair-votes-words").textContent = `${some} in the margin of ${over}: ${short(between)} logits, of which all ${pairs.neurons} neurons add ${short(sum)}${pairs.exact ? "" : " to first order"}. Click a bar to see the neuron's cells.`;
  }

  neuronWords() {
    const { pairs, view } = this;
    const { neurons, neuron } = view;
    this.votes = pairs.votesOfNeuron(neuron);
    find("cells-heading").textContent = `The cells of neuron ${neuron}`;
    const groups = {};
    this.votes.forEach((vote, pair) => {
      const group = (groups[pairs.group(pair)] ??= { sum: 0, count: 0 });
      group.sum += vote;
      group.count += 1;
    });
    const kind = neurons.kind(neurons.newest, neuron, view.threshold);
    const means = ["wrong labels", "other training", "test"].filter((name) => groups[name]).map((name) => [`mean, ${name}`, short(groups[name].sum / groups[name].count)]);
    showFacts("cells-facts", [["class, IPR", `${neurons.word(neurons.newest, kind)}, ${shown(neurons.ipr(neurons.newest)[neuron])}`], ...means]);
    const order = Array.from(this.votes.keys()).sort((a, b) => this.votes[b] - this.votes[a] || a - b);
    this.buttons("cells-for", order.slice(0, SHOWN_CELLS));
    this.buttons("cells-against", order.slice(-SHOWN_CELLS).toReversed());
  }

  buttons(id, some) {
    find(id).replaceChildren(...some.map((pair) => {
      const button = document.createElement("button");
      const { pairs } = this;
      Object.assign(button, { type: "button", textContent: `(${pairs.get("x", pair)}, ${pairs.get("y", pair)}) ${short(this.votes[pair])}`, title: `${pairs.parts[pairs.get("split", pair)]}, ${pairs.outcome(pair)}` });
      button.addEventListener("click", () => this.choose(pair));
      return button;
    }));
  }
}

// The first pair that is memorized, else with a wrong label, else of all.
function firstOf(pairs) {
  const all = Array.from({ length: pairs.count }, (_, i) => i);
  return all.find((i) => pairs.outcome(i) === "memorized") ?? all.find((i) => pairs.get("wrong", i)) ?? 0;
}

function showFacts(id, facts) {
  find(id).replaceChildren(...facts.flatMap((pair) => pair.map((words, i) => Object.assign(document.createElement(i ? "dd" : "dt"), { textContent: words }))));
}
