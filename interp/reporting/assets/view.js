// What the reader is looking at: a checkpoint, a threshold, a neuron. Kept in the address after #.

class View {
  constructor(neurons) {
    this.neurons = neurons;
    this.listeners = [];
    this.place = neurons.newest;
    this.threshold = neurons.threshold;
    this.neuron = highest(neurons.ipr(neurons.newest));
    this.read();
  }

  get step() {
    return this.neurons.steps[this.place];
  }

  onChange(listener) {
    this.listeners.push(listener);
  }

  set(changes) {
    const changed = {};
    for (const [name, value] of Object.entries(changes)) {
      if (this[name] !== value) changed[name] = true;
      this[name] = value;
    }
    if (!Object.keys(changed).length) return;
    this.write();
    this.listeners.forEach((listener) => listener(changed));
  }

  // A link with a place that does not exist shows the default instead.
  read() {
    const asked = new URLSearchParams(location.hash.slice(1));
    const number = (name) => (asked.get(name) ? Number(asked.get(name)) : NaN);
    const place = this.neurons.steps.indexOf(number("step"));
    if (place >= 0) this.place = place;
    const threshold = number("threshold");
    if (threshold >= 0 && threshold <= 1) this.threshold = threshold;
    const neuron = number("neuron");
    if (Number.isInteger(neuron) && neuron >= 0 && neuron < this.neurons.count) this.neuron = neuron;
    const pair = asked.get("pair")?.split(",").map(Number);
    if (pair?.length === 2) this.asked = pair; // whether there is such a pair, the section on pairs knows
  }

  write() {
    const pair = this.asked ? `&pair=${this.asked.join(",")}` : "";
    const words = `#step=${this.step}&threshold=${this.threshold}&neuron=${this.neuron}${pair}`;
    try {
      history.replaceState(null, "", words);
    } catch {
      // A browser may not allow it for a file; the view works without.
    }
  }
}

function highest(values) {
  let best = 0;
  values.forEach((value, i) => {
    if (value > values[best] || Number.isNaN(values[best])) best = i;
  });
  return best;
}

function shown(value, digits = 3) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  return value.toFixed(digits).replace("-", "−");
}
