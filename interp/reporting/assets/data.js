// What is known of the neurons at a checkpoint. Steps are meant by their place in the list.

class Neurons {
  constructor(live, arrays) {
    Object.assign(this, live);
    this.arrays = arrays;
    this.count = live.neurons;
    this.sizes = arrays.sizes.data;
    this.frequencies = arrays.shares.shape[2];
    this.newest = live.steps.length - 1;
  }

  ipr(place) {
    return this.arrays.ipr.data.subarray(place * this.count, (place + 1) * this.count);
  }

  // A value of one neuron, or of one of its three curves.
  value(name, place, neuron) {
    return this.arrays[name].data[place * this.count + neuron];
  }

  ofCurve(name, place, curve, neuron) {
    return this.arrays[name].data[(place * 3 + curve) * this.count + neuron];
  }

  curveIpr(place, curve, neuron) {
    const value = this.ofCurve("curve_ipr", place, curve, neuron);
    return value === 65535 ? NaN : value / 65534;
  }

  phase(place, curve, neuron) {
    return (this.ofCurve("phases", place, curve, neuron) / 32767) * Math.PI;
  }

  // A frequency by its number, an irrep by its name.
  get block() {
    return this.irreps ? "irrep" : "frequency";
  }

  blockAt(k) {
    return this.irreps ? `irrep ${k}: ${this.irreps[k]}` : `frequency ${k}`;
  }

  // The frequency that a curve's wave and phase are of; answers may have their own.
  frequencyOf(place, curve, neuron) {
    const own = curve === 2 && this.arrays.answer_frequency;
    return this.value(own ? "answer_frequency" : "frequency", place, neuron);
  }

  // a ± b − c, in [−π, π); null where the operation has no such rule.
  phaseError(place, neuron) {
    if (this.sign === null) return null;
    const [a, b, c] = [0, 1, 2].map((curve) => this.phase(place, curve, neuron));
    const turn = 2 * Math.PI;
    return ((((a + this.sign * b - c + Math.PI) % turn) + turn) % turn) - Math.PI;
  }

  isDead(place, neuron) {
    return Number.isNaN(this.ipr(place)[neuron]);
  }

  kind(place, neuron, threshold) {
    const ipr = this.ipr(place)[neuron];
    return Number.isNaN(ipr) ? "dead" : ipr >= threshold ? "high" : "low";
  }

  // What a class may be called at a checkpoint.
  word(place, kind) {
    const { low, high } = this.words[place];
    return { low, high, dead: "dead" }[kind];
  }

  counts(place, threshold) {
    let kept = 0, dead = 0;
    for (const ipr of this.ipr(place)) {
      if (Number.isNaN(ipr)) dead += 1;
      else if (ipr >= threshold) kept += 1;
    }
    return { kept, pruned: this.count - kept, dead };
  }

  hasPruning(place) {
    return this.withPruning.includes(this.steps[place]);
  }

  drawsAt(place) {
    return place === this.newest ? this.draws : this.earlierDraws;
  }

  // What the control's low and high are; as interp.analysis.ablation.band has it.
  bandWords(place) {
    const draws = this.drawsAt(place);
    return draws >= 20 ? "5–95 %" : `range of ${draws} ${draws === 1 ? "draw" : "draws"}`;
  }

  // Numbers of pruned neurons that the control was scored at.
  controlSizes(place) {
    if (place === this.newest) return this.arrays.newest_control_sizes.data;
    const { data, shape } = this.arrays.control_sizes;
    const at = this.withPruning.indexOf(this.steps[place]);
    return data.subarray(at * shape[1], (at + 1) * shape[1]);
  }

  // Accuracies of a split over all numbers of pruned neurons, lowest IPR first.
  after(place, split) {
    const length = this.sizes.length;
    const at = place === this.newest ? 0 : this.withPruning.indexOf(this.steps[place]);
    const start = (at * this.splits.length + split) * length;
    if (place === this.newest) return this.arrays.newest_after.data.subarray(start, start + length);
    const { examples } = this.splits[split];
    const right = this.arrays.right.data.subarray(start, start + length);
    return Float64Array.from(right, (count) => (examples ? count / examples : NaN));
  }

  // The control over its sizes; row 0: mean, 1: low, 2: high.
  control(place, row, split) {
    const newest = place === this.newest;
    const { data, shape } = this.arrays[newest ? "newest_control" : "control"];
    const length = shape.at(-1);
    const at = this.withPruning.indexOf(this.steps[place]);
    const before = newest ? row : row * shape[1] + at;
    const start = (before * this.splits.length + split) * length;
    return data.subarray(start, start + length);
  }

  // Accuracy by weight norm (0) or invariant norm (1), lowest first.
  byNorm(norm, split, index) {
    return this.arrays.by_norm.data[(norm * this.splits.length + split) * this.sizes.length + index];
  }

  // The checkpoint whose curves are shown for this one: itself, else the nearest that has them.
  curvesAt(place) {
    const step = this.steps[place];
    const near = (one) => Math.abs(Math.log1p(one) - Math.log1p(step));
    return this.withCurves.reduce((best, one) => (near(one) < near(best) ? one : best));
  }

  weights(step, curve, neuron) {
    const at = this.withCurves.indexOf(step);
    const newest = at === this.withCurves.length - 1;
    const values = this.arrays[newest ? "newest_curves" : "curves"].data;
    const scales = this.arrays[newest ? "newest_scale" : "curve_scale"].data;
    const row = ((newest ? 0 : at) * 3 + curve) * this.count + neuron;
    const scale = scales[row] / (values instanceof Int16Array ? 32767 : 127);
    const start = row * this.elements;
    return Array.from(values.subarray(start, start + this.lengths[curve]), (one) => one * scale);
  }

  // Rows of the spectra at a checkpoint: a neuron each, or in a layer of very many the mean of
  // several, which stand by their IPR.
  get rows() {
    return this.arrays.shares.shape[1];
  }

  // Share of one-sided power of a row: the mean over a neuron's curves.
  shares(place, which) {
    const start = (place * this.rows + which) * this.frequencies;
    const row = this.arrays.shares.data.subarray(start, start + this.frequencies);
    return Array.from(row, (one) => one / 255);
  }
}

// Index of the nearest of some numbers.
function nearest(sizes, wanted) {
  let best = 0;
  for (let i = 1; i < sizes.length; i++) {
    if (Math.abs(sizes[i] - wanted) < Math.abs(sizes[best] - wanted)) best = i;
  }
  return best;
}

// One-sided Fourier coefficients of a curve, as [real, imaginary].
function coefficients(values) {
  const length = values.length;
  const found = [];
  for (let k = 0; k <= Math.floor(length / 2); k++) {
    let real = 0, imaginary = 0;
    for (let i = 0; i < length; i++) {
      const angle = (2 * Math.PI * ((k * i) % length)) / length;
      real += values[i] * Math.cos(angle);
      imaginary -= values[i] * Math.sin(angle);
    }
    found.push([real, imaginary]);
  }
  return found;
}

function powerShares(spectrum) {
  const power = spectrum.map(([real, imaginary]) => real * real + imaginary * imaginary);
  const total = power.reduce((sum, one) => sum + one, 0);
  return power.map((one) => (total > 0 ? one / total : 0));
}

// The part of a curve in each irrep.
function irrepParts(neurons, values) {
  const [functions, irrep] = [neurons.arrays.functions.data, neurons.arrays.irrep.data];
  const found = neurons.irreps.map(() => new Array(values.length).fill(0));
  irrep.forEach((block, k) => {
    const start = k * values.length;
    let inner = 0;
    for (let i = 0; i < values.length; i++) inner += functions[start + i] * values[i];
    for (let i = 0; i < values.length; i++) found[block][i] += inner * functions[start + i];
  });
  return found;
}

function powerOfParts(parts) {
  const power = parts.map((part) => part.reduce((sum, one) => sum + one * one, 0));
  const total = power.reduce((sum, one) => sum + one, 0);
  return power.map((one) => (total > 0 ? one / total : 0));
}

// The part of a curve at one frequency.
function waveOf(spectrum, frequency, length) {
  const [real, imaginary] = spectrum[frequency];
  const alone = frequency === 0 || 2 * frequency === length;
  return Array.from({ length }, (_, i) => {
    const angle = (2 * Math.PI * ((frequency * i) % length)) / length;
    return ((alone ? 1 : 2) / length) * (real * Math.cos(angle) - imaginary * Math.sin(angle));
  });
}
