// Saves figures: as they are seen, as wide as a paper's columns, and the numbers in them.
// Report and explorer share this file; there a click on a button with data-save is all it needs.

const INCH = 96, POINT = 96 / 72; // pixels, of CSS and so of SVG and PDF
// As interp.figures.paper: inches, share of the height on a screen, ticks.
const COLUMNS = { column: { inches: 3.4, tall: 0.56, ticks: 5 }, columns: { inches: 7, tall: 0.62, ticks: 8 } };
const SAVED = {
  svg: ["SVG", "as it is seen"], png: ["PNG", "as it is seen, twice the dots"],
  column: ["3.4 in", "SVG as wide as a column of a paper, without the title; place it in LaTeX, or print it to PDF"],
  columns: ["7 in", "SVG as wide as both columns of a paper, without the title"],
  csv: ["CSV", "the numbers that are drawn"],
};

// The menu below a figure; made once.
function savingMenu(element) {
  if (element.nextElementSibling?.classList.contains("saving")) return;
  const menu = document.createElement("details");
  menu.className = "saving";
  const summary = Object.assign(document.createElement("summary"), { textContent: "save" });
  const buttons = Object.entries(SAVED).map(([kind, [textContent, title]]) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent, title });
    button.dataset.save = kind;
    return button;
  });
  menu.append(summary, ...buttons);
  element.after(menu);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-save]");
  if (!button) return;
  const before = button.closest(".saving").previousElementSibling;
  const element = before.matches(".js-plotly-plot") ? before : before.querySelector(".js-plotly-plot");
  if (element?._fullLayout) saveFigure(element, button.dataset.save);
});

async function saveFigure(element, kind) {
  const name = fileName(element);
  if (kind === "csv") return download(`${name}.csv`, numbersOf(element), "text/csv");
  const { width, height } = element._fullLayout;
  const { data, layout } = structuredClone(element.plain ? element.plain() : { data: element.data, layout: element.layout });
  const column = COLUMNS[kind];
  const figure = column ? onPaper(data, layout, column) : { data, layout: { ...layout, width, height } };
  const format = kind === "png" ? "png" : "svg";
  const size = { width: figure.layout.width, height: figure.layout.height };
  const address = await imageOf(figure, { format, ...size, scale: kind === "png" ? 2 : 1 });
  if (format === "png") return follow(`${name}.png`, address);
  const text = decodeURIComponent(address.slice(address.indexOf(",") + 1));
  const svg = column ? text.replace(/(<svg[^>]*?) width="[\d.]+" height="[\d.]+"/, `$1 width="${size.width / INCH}in" height="${size.height / INCH}in"`) : text;
  return download(`${name}${column ? `-${column.inches}in` : ""}.svg`, svg, "image/svg+xml");
}

// Run and figure, in letters that every file system takes.
function fileName(element) {
  const { id } = element.id ? element : element.parentElement;
  let words = [window.report?.view?.neurons.run ?? document.title, id.replace(/^figure-/, "")];
  if (id.startsWith("{")) { const { run, kind } = JSON.parse(id); words = [run, kind]; }
  return words.join("-").replace(/[^\p{L}\p{N}.-]+/gu, "-").replace(/^[-.]+|[-.]+$/g, "");
}

function follow(name, address) {
  const link = Object.assign(document.createElement("a"), { href: address, download: name });
  link.click();
}

function download(name, text, type) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  follow(name, address);
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

// A row a point: its trace, the titles of its axes, and its numbers; a cell of a heat map has z.
function numbersOf(element) {
  const lines = [["trace", "x_axis", "y_axis", "x", "y", "z"]];
  const titleOf = (axis) => axisTitle(element, axis.replace(/^([xy])/, "$1axis"));
  for (const trace of element._fullData) {
    if (trace.visible === false) continue;
    const about = [element.data[trace.index]?.name ?? "", titleOf(trace.xaxis ?? "x"), titleOf(trace.yaxis ?? "y")];
    const [x, y, z] = [trace.x, trace.y, trace.z];
    if (z) {
      Array.from(z).forEach((row, j) => Array.from(row).forEach((value, i) => {
        lines.push([...about, x?.[i] ?? i, y?.[j] ?? j, value]);
      }));
      continue;
    }
    const length = Math.max(x?.length ?? 0, y?.length ?? 0);
    for (let i = 0; i < length; i++) lines.push([...about, x ? x[i] : i, y ? y[i] : i, ""]);
  }
  return lines.map((line) => line.map(cell).join(",")).join("\n") + "\n";
}

// The title of an axis, or that of one that moves with it.
function axisTitle(element, name) {
  const { _fullLayout: full, layout } = element;
  const moved = (one) => full[one].matches ?? one.replace("axis", "");
  const together = Object.keys(full).filter((one) => /^[xy]axis\d*$/.test(one) && moved(one) === moved(name));
  return [name, ...together].map((one) => layout[one]?.title?.text).find(Boolean) ?? "";
}

function cell(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "";
  const text = String(value).replaceAll("<br>", " ");
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

// A figure as a paper prints it, as interp.figures.paper makes it: 8 point type, thin lines, no title.
function onPaper(data, layout, { inches, tall, ticks }) {
  const width = Math.round(inches * INCH), [text, small] = [8 * POINT, 7 * POINT];
  const drawn = data.filter((trace) => trace.visible !== "legendonly").map(thin);
  const rows = legendRows(drawn, layout, width - 24);
  const notes = (layout.annotations ?? []).map((note) => ({ ...note, font: { ...note.font, size: small } }));
  const words = notes.filter((note) => !note.showarrow && (note.yref ?? "").match(/paper|domain/) && note.y >= 1);
  const made = {
    ...layout, width, height: Math.round(tall * (layout.height ?? 420)) + 18 * rows, annotations: notes,
    font: { ...layout.font, family: "Arial, Helvetica, Liberation Sans, sans-serif", size: text },
    margin: { l: 44, r: 12, t: words.length ? 24 + Math.max(...words.map((note) => note.yshift ?? 0)) : 8, b: 40 + 18 * rows },
    legend: { orientation: "h", x: 0, xanchor: "left", y: 0, yref: "container", yanchor: "bottom", font: { size: small }, itemwidth: 30, tracegroupgap: 0 },
  };
  delete made.title;
  for (const key of new Set([...Object.keys(layout).filter((one) => /^[xy]axis\d*$/.test(one)), "xaxis", "yaxis"])) {
    const axis = layout[key] ?? {};
    made[key] = {
      ...axis, title: { ...axis.title, font: { size: text }, standoff: 4 }, tickfont: { size: small }, ticklen: 3, linewidth: 0.8, tickwidth: 0.8,
      ...(key.startsWith("x") && axis.dtick === undefined && axis.tickvals === undefined ? { nticks: ticks } : {}),
    };
  }
  return { data: drawn, layout: made };
}

const THINNER = 0.6; // lines and markers, for a figure of a third of the size

function thin(trace) {
  const found = { ...trace };
  if (trace.line?.width) found.line = { ...trace.line, width: trace.line.width * THINNER };
  if (typeof trace.marker?.size === "number") found.marker = { ...trace.marker, size: trace.marker.size * THINNER };
  if (trace.type === "heatmap") found.colorbar = { ...trace.colorbar, thickness: 8, tickfont: { size: 7 * POINT } };
  return found;
}

// About how many rows the legend takes.
function legendRows(data, layout, width) {
  const names = data.filter((trace) => trace.showlegend !== false).map((trace) => trace.name ?? "");
  if (layout.showlegend === false || (names.length < 2 && !layout.showlegend)) return 0;
  let [taken, rows] = [0, 1];
  for (const name of names) {
    const entry = 48 + 0.55 * 7 * POINT * name.length;
    if (taken && taken + entry > width) [taken, rows] = [0, rows + 1];
    taken += entry;
  }
  return rows;
}

// The image of a figure whose words are fitted to its width; drawn aside, where nobody sees it.
async function imageOf(figure, options) {
  const aside = document.createElement("div");
  Object.assign(aside.style, { position: "absolute", left: "-10000px", width: `${figure.layout.width}px` });
  document.body.append(aside);
  try {
    await Plotly.newPlot(aside, figure.data, figure.layout, { staticPlot: true });
    fitWords(aside, true);
    await new Promise((done) => setTimeout(done, 100));
    return await Plotly.toImage(aside, options);
  } finally {
    Plotly.purge(aside);
    aside.remove();
  }
}
