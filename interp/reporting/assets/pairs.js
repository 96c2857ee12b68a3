// Every pair, and what each neuron adds to the margin between two answers to it.

const PHI = {
  square: (pre) => pre * pre, cube: (pre) => pre ** 3, quartic: (pre) => pre ** 4, identity: (pre) => pre,
  relu: (pre) => Math.max(pre, 0), tanh: Math.tanh, silu: (pre) => pre / (1 + Math.exp(-pre)),
  gelu_tanh: (pre) => 0.5 * pre * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (pre + 0.044715 * pre ** 3))),
};

class Pairs {
  constructor(words, arrays) {
    Object.assign(this, words);
    this.arrays = arrays;
    this.count = arrays.x.data.length;
    this.places = new Int32Array(this.p * this.p).fill(-1);
    for (let i = 0; i < this.count; i++) this.places[this.get("y", i) * this.p + this.get("x", i)] = i;
    this.phi = PHI[this.activation];
  }

  get(name, pair) {
    return this.arrays[name].data[pair];
  }

  // The pair of two operands; −1 where there is none.
  at(x, y) {
    const inside = [x, y].every((one) => Number.isInteger(one) && one >= 0 && one < this.p);
    return inside ? this.places[y * this.p + x] : -1;
  }

  // What a neuron adds to the margin of `ahead` over `behind`, in units of logits.
  vote(pair, neuron) {
    if (this.arrays.votes) {
      return (this.arrays.votes.data[neuron * this.count + pair] * this.arrays.vote_scale.data[neuron]) / 32767;
    }
    const { first, second, readout } = this.arrays;
    const pre = first.data[neuron * this.p + this.get("x", pair)] + second.data[neuron * this.p + this.get("y", pair)];
    const row = neuron * this.answers;
    return this.phi(pre) * (readout.data[row + this.get("ahead", pair)] - readout.data[row + this.get("behind", pair)]);
  }

  votesOfPair(pair) {
    return Float64Array.from({ length: this.neurons }, (_, neuron) => this.vote(pair, neuron));
  }

  votesOfNeuron(neuron) {
    return Float64Array.from({ length: this.count }, (_, pair) => this.vote(pair, neuron));
  }

  // Rows of the second operand, columns of the first; null where there is no pair.
  grid(get) {
    const value = (place) => (place < 0 ? null : get(place));
    return Array.from({ length: this.p }, (_, y) => Array.from(this.places.subarray(y * this.p, (y + 1) * this.p), value));
  }

  outcome(pair) {
    return this.outcomes[this.get("outcome", pair)];
  }

  // Wrong labels in training are looked at on their own, whatever was redrawn.
  group(pair) {
    if (this.get("wrong", pair)) return "wrong labels";
    return this.parts[this.get("split", pair)] === "test" ? "test" : "other training";
  }

  // Everything that is known of a pair, in words.
  facts(pair) {
    const has = (name) => this.arrays[name] !== undefined;
    const answer = (name) => (this.get(name, pair) < 0 ? "none (a tie)" : String(this.get(name, pair)));
    const found = [
      ["split", this.parts[this.get("split", pair)] + (this.get("redrawn", pair) && !this.get("wrong", pair) ? ", redrawn but right by chance" : "")],
      ["true, given label", `${this.get("true", pair)}, ${this.get("given", pair)}`],
      ["answer", `${answer("answer")} (${this.outcome(pair)})`],
      ["margin of the label", shown(this.get("margin", pair))],
      ["loss, probability", `${short(this.get("loss", pair))}, ${short(this.get("probability", pair))}`],
    ];
    if (has("step learned")) found.push(["learned", this.learned(pair)]);
    if (has("forgotten")) found.push(["times forgotten", String(this.get("forgotten", pair))]);
    if (has("pruned")) found.push(["pruned network answers", answer("pruned")]);
    if (has("filtered")) found.push(["filtered network answers", answer("filtered")]);
    return found;
  }

  learned(pair) {
    const band = this.get("step learned", pair);
    return band < this.steps.length ? `step ${this.steps[band]}` : "never";
  }
}

// Three digits that count, of numbers of any size.
function short(value) {
  if (value === null || Number.isNaN(value)) return "–";
  return (Math.abs(value) >= 1e-3 || value === 0 ? String(Number(value.toPrecision(3))) : value.toExponential(1)).replaceAll("-", "−");
}
