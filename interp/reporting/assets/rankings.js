// Rankings that were added: a column each beside those of the norms, in both tables.

const ownRankings = { columnsOf, showScores, cells: 6 };

function escaped(text) {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

columnsOf = (neurons) => [
  ...ownRankings.columnsOf(neurons),
  ...neurons.rankings.map((name, i) => ({
    name: escaped(name),
    csv: name.replace(/[^\p{L}\p{N}]+/gu, "_"),
    get: (place, neuron) => neurons.value(`ranking ${i}`, place, neuron),
  })),
];

showScores = (view) => {
  ownRankings.showScores(view);
  const { neurons, place, threshold } = view;
  const at = nearest(neurons.sizes, neurons.counts(place, threshold).pruned);
  const { data } = neurons.arrays.by_ranking;
  neurons.splits.forEach((split, which) => {
    const cells = document.querySelectorAll(`#before-after tr[data-split="${split.name}"] td`);
    neurons.rankings.forEach((_, i) => {
      const index = (i * neurons.splits.length + which) * neurons.sizes.length + at;
      cells[ownRankings.cells + i].textContent = shown(place === neurons.newest ? data[index] : NaN);
    });
  });
};
