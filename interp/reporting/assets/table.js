// The table of neurons: sorted by any column, read into a CSV file.

const FIRST_ROWS = 200;

function columnsOf(neurons) {
  const value = (name) => (place, i) => neurons.value(name, place, i);
  const alive = (get) => (place, i) => (neurons.isDead(place, i) ? NaN : get(place, i));
  const found = [
    { name: "neuron", get: (place, i) => i, digits: 0 },
    { name: "class", get: (place, i, threshold) => neurons.word(place, neurons.kind(place, i, threshold)) },
    { name: "IPR", csv: "ipr", get: (place, i) => neurons.ipr(place)[i] },
    ...["U", "V", "W"].map((name, curve) => ({ name: `IPR ${name}`, csv: `ipr_${name.toLowerCase()}`, get: (place, i) => neurons.curveIpr(place, curve, i) })),
    { name: neurons.block, get: alive(value("frequency")), digits: 0 },
    { name: "weight norm", csv: "norm", get: value("norm") },
    { name: "invariant norm", csv: "invariant_norm", get: value("invariant_norm"), digits: 4 },
  ];
  if (neurons.sign !== null) {
    found.push({ name: `a ${neurons.sign > 0 ? "+" : "−"} b − c (rad)`, csv: "phase_error", get: alive((place, i) => neurons.phaseError(place, i)), digits: 2 });
  }
  if (neurons.arrays.norm_weight) found.push({ name: "norm weight", csv: "norm_weight", get: value("norm_weight") });
  return found;
}

class NeuronTable {
  constructor(view) {
    this.view = view;
    this.neurons = view.neurons;
    this.columns = columnsOf(this.neurons);
    this.sorted = { column: 2, rising: false };
    this.whole = false;
    this.table = document.getElementById("neurons");
    this.more = document.getElementById("more");
    this.more.addEventListener("click", () => { this.whole = true; this.render(); });
    document.getElementById("csv").addEventListener("click", () => this.download());
    this.table.tBodies[0].addEventListener("click", (event) => this.choose(event.target.closest("tr")));
    this.table.tBodies[0].addEventListener("keydown", (event) => this.move(event));
    this.render();
  }

  rows() {
    const { place, threshold } = this.view;
    const { column, rising } = this.sorted;
    const key = Array.from({ length: this.neurons.count }, (_, i) => this.columns[column].get(place, i, threshold));
    const order = Array.from(key.keys());
    const missing = (value) => value === null || Number.isNaN(value);
    return order.sort((a, b) => {
      if (missing(key[a]) || missing(key[b])) return missing(key[a]) - missing(key[b]) || a - b;
      const way = key[a] < key[b] ? -1 : key[a] > key[b] ? 1 : 0;
      return (rising ? way : -way) || a - b;
    });
  }

  render() {
    const { place, threshold, neuron } = this.view;
    const heads = this.columns.map((column, i) => {
      const sort = i === this.sorted.column ? (this.sorted.rising ? "ascending" : "descending") : "none";
      const arrow = sort === "none" ? "" : this.sorted.rising ? " ↑" : " ↓";
      return `<th scope="col" aria-sort="${sort}"><button type="button" data-column="${i}">${column.name}${arrow}</button></th>`;
    });
    this.table.tHead.innerHTML = `<tr>${heads.join("")}</tr>`;
    this.table.tHead.querySelectorAll("button").forEach((button) => button.addEventListener("click", () => this.sort(Number(button.dataset.column))));
    const all = this.rows();
    const some = this.whole ? all : all.slice(0, FIRST_ROWS);
    const cell = (column, i) => {
      const value = column.get(place, i, threshold);
      return typeof value === "string" ? value : shown(value, column.digits ?? 3);
    };
    this.table.tBodies[0].innerHTML = some.map((i) =>
      `<tr data-neuron="${i}" tabindex="${i === neuron ? 0 : -1}" aria-selected="${i === neuron}">${this.columns.map((column) => `<td>${cell(column, i)}</td>`).join("")}</tr>`).join("");
    if (!this.table.tBodies[0].querySelector('[tabindex="0"]')) this.table.tBodies[0].rows[0]?.setAttribute("tabindex", "0");
    this.more.hidden = some.length === all.length;
    this.more.textContent = `Show all ${all.length}`;
  }

  sort(column) {
    const rising = column === this.sorted.column ? !this.sorted.rising : column < 2;
    this.sorted = { column, rising };
    this.render();
    this.table.tHead.querySelectorAll("button")[column].focus();
  }

  // Marks the chosen neuron without drawing the table anew.
  mark() {
    for (const row of this.table.tBodies[0].rows) row.setAttribute("aria-selected", Number(row.dataset.neuron) === this.view.neuron);
  }

  choose(row) {
    if (row) this.view.set({ neuron: Number(row.dataset.neuron) });
  }

  move(event) {
    const row = event.target.closest("tr");
    if (!row) return;
    const other = event.key === "ArrowDown" ? row.nextElementSibling : event.key === "ArrowUp" ? row.previousElementSibling : null;
    if (event.key === "Enter" || event.key === " ") this.choose(row);
    else if (other) { row.tabIndex = -1; other.tabIndex = 0; other.focus(); }
    else return;
    event.preventDefault();
  }

  csv() {
    const { place, threshold } = this.view;
    const plain = (value) => (value === null || Number.isNaN(value) ? "" : String(value));
    const lines = [this.columns.map((column) => column.csv ?? column.name).join(",")];
    for (let i = 0; i < this.neurons.count; i++) lines.push(this.columns.map((column) => plain(column.get(place, i, threshold))).join(","));
    return lines.join("\n") + "\n";
  }

  download() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([this.csv()], { type: "text/csv" }));
    link.download = `${this.neurons.run}-step-${this.view.step}-neurons.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }
}
