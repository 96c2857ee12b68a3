// Fits a figure's words to its width: lines are broken where they would be cut or meet, a legend
// below moves to the edge, columns move apart. Python draws a figure for a screen; on a phone, or
// in a column, there is less room.

const NARROW = 700; // pixels
const LEAST_GAP = 22; // between columns: the last tick of one beside the first of the next
const ROUNDS = 4; // broken lines change margins, and these the length of axes
const TITLE_LINE = 20, SMALL_LINE = 15; // pixels

function fitWords(gd) {
  gd.on("plotly_afterplot", () => { if (!gd.fitting) startFitting(gd); });
  startFitting(gd);
}

function startFitting(gd) {
  if (!gd._fullLayout) return;
  gd.meant ??= {};
  gd.applied ??= {};
  for (const path of trackedPaths(gd)) {
    const now = valueAt(gd.layout, path);
    if (!(path in gd.applied) || !same(now, gd.applied[path])) gd.meant[path] = now; // not of this script
  }
  gd.rounds = 0;
  fitFurther(gd);
}

function fitFurther(gd) {
  const wanted = { ...fittedTitle(gd), ...fittedAxes(gd), ...fittedLegend(gd), ...fittedColumns(gd) };
  const changes = Object.fromEntries(Object.entries(wanted).filter(([path, value]) => !same(value, valueAt(gd.layout, path))));
  if (!Object.keys(changes).length || gd.rounds >= ROUNDS) return;
  gd.rounds += 1;
  Object.assign(gd.applied, changes);
  gd.fitting = true;
  Plotly.relayout(gd, changes).then(() => { gd.fitting = false; fitFurther(gd); });
}

const ALWAYS = ["title.text", "title.subtitle.text", "title.x", "title.xref", "margin.t", "margin.b"];
const LEGEND = ["legend.x", "legend.xanchor", "legend.y", "legend.yref", "legend.yanchor"];

function trackedPaths(gd) {
  const ofAxes = axesOf(gd).flatMap((axis) => [`${axis}.title.text`, `${axis}.domain`]);
  const ofNotes = (gd.layout.annotations ?? []).flatMap((_, i) => [`annotations[${i}].x`, `annotations[${i}].text`]);
  return [...ALWAYS, ...LEGEND, ...ofAxes, ...ofNotes];
}

function axesOf(gd) {
  return Object.keys(gd._fullLayout).filter((key) => /^[xy]axis\d*$/.test(key));
}

function valueAt(layout, path) {
  return path.replace(/\[(\d+)\]/g, ".$1").split(".").reduce((part, key) => part?.[key], layout);
}

function same(one, other) {
  return JSON.stringify(one ?? null) === JSON.stringify(other ?? null);
}

function fittedTitle({ meant, _fullLayout: full }) {
  const [title, below] = [meant["title.text"], meant["title.subtitle.text"] ?? ""];
  if (!title) return {};
  const room = full.width - 24;
  const texts = [broken(title, room, full.title.font), broken(below, room, full.title.subtitle.font)];
  const more = TITLE_LINE * (lines(texts[0]) - lines(title)) + SMALL_LINE * (lines(texts[1]) - lines(below));
  const aside = full.width < NARROW ? [10 / full.width, "container"] : [meant["title.x"] ?? null, meant["title.xref"] ?? null];
  return {
    "title.text": texts[0], "title.subtitle.text": texts[1], "title.x": aside[0], "title.xref": aside[1],
    "margin.t": (meant["margin.t"] ?? full.template?.layout?.margin?.t ?? full.margin.t) + more,
  };
}

function fittedAxes(gd) {
  const { meant, _fullLayout: full } = gd, found = {};
  for (const axis of axesOf(gd)) {
    const text = meant[`${axis}.title.text`];
    if (text) found[`${axis}.title.text`] = broken(text, Math.max(60, full[axis]._length), full[axis].title.font);
  }
  return found;
}

// A legend below the axes, at the lower edge, in a margin that its rows and the axis' words fit in.
function fittedLegend(gd) {
  const { meant, _fullLayout: full } = gd;
  const { legend } = full;
  const below = legend?.orientation === "h" && (meant["legend.y"] ?? 1) < 0 && full.showlegend;
  if (!below) return {};
  if (full.width >= NARROW) return Object.fromEntries([...LEGEND, "margin.b"].map((path) => [path, meant[path] ?? null]));
  const titles = axesOf(gd).filter((axis) => axis.startsWith("x")).map((axis) => valueAt(gd.layout, `${axis}.title.text`) ?? "");
  const deepest = Math.max(1, ...titles.map(lines));
  return {
    "legend.x": 0, "legend.xanchor": "left", "legend.y": 0, "legend.yref": "container", "legend.yanchor": "bottom",
    "margin.b": Math.round(legend._height ?? 0) + 40 + 17 * deepest,
  };
}

// Columns of panels, so far apart that the words of the right one do not run into the left one.
function fittedColumns(gd) {
  const { meant, _fullLayout: full } = gd;
  const named = axesOf(gd).filter((axis) => axis.startsWith("x") && meant[`${axis}.domain`]);
  const edges = (axis) => meant[`${axis}.domain`];
  const starts = [...new Set(named.map((axis) => edges(axis)[0]))].sort((a, b) => a - b);
  if (starts.length < 2) return {};
  const columns = starts.map((start) => ({ start, end: Math.max(...named.filter((axis) => edges(axis)[0] === start).map((axis) => edges(axis)[1])) }));
  if (columns.some((one, i) => i && one.start < columns[i - 1].end)) return {}; // panels of different widths
  const width = full.width - full._size.l - full._size.r;
  const needs = columns.map(({ start }, i) => (i ? wordsBeside(gd, named.filter((axis) => edges(axis)[0] === start)) : 0));
  const gaps = columns.map(({ start }, i) => (i ? Math.max(start - columns[i - 1].end, needs[i] / width) : start));
  const before = columns.reduce((sum, { start, end }) => sum + end - start, 0);
  const scale = (columns.at(-1).end - gaps.reduce((sum, gap) => sum + gap, 0)) / before;
  if (scale <= 0) return {};
  let at = 0;
  const moved = columns.map(({ start, end }, i) => {
    const from = at + gaps[i];
    at = from + scale * (end - start);
    return [from, at];
  });
  const place = (x) => {
    const i = Math.max(0, columns.findLastIndex(({ start }) => x >= start - 1e-9));
    return moved[i][0] + (x - columns[i].start) * scale;
  };
  const found = Object.fromEntries(named.map((axis) => [`${axis}.domain`, edges(axis).map(place)]));
  (gd.layout.annotations ?? []).forEach((note, i) => {
    if (note.xref !== "paper") return;
    found[`annotations[${i}].x`] = place(meant[`annotations[${i}].x`]);
    const room = scale * width * Math.max(...columns.map(({ start, end }) => end - start)) + LEAST_GAP - 6;
    found[`annotations[${i}].text`] = broken(meant[`annotations[${i}].text`] ?? "", room, full.annotations[i].font);
  });
  return found;
}

// Pixels that ticks and titles of the panels' vertical axes take.
function wordsBeside(gd, named) {
  const full = gd._fullLayout;
  const anchors = named.map((axis) => full[axis].anchor);
  return Math.max(LEAST_GAP, ...anchors.map((anchor) => {
    const key = anchor?.replace("y", "yaxis"), axis = full[key];
    if (!axis) return LEAST_GAP;
    const ticks = axis.showticklabels ? [...gd.querySelectorAll(`.${anchor}tick text`)].reduce((most, one) => Math.max(most, one.getBoundingClientRect().width), 0) + 8 : 0;
    const text = valueAt(gd.layout, `${key}.title.text`);
    return ticks + (text ? 8 + 1.3 * axis.title.font.size * lines(text) : 0) + 6;
  }));
}

function lines(text) {
  return text.split("<br>").length;
}

// Text with its lines broken between words, so that none is wider than some pixels.
function broken(text, room, font) {
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = `${font.size}px ${font.family}`;
  const wide = (words) => pen.measureText(words.replace(/<[^>]*>/g, "")).width;
  return text.split("<br>").map((line) => {
    if (wide(line) <= room) return line;
    const found = [""];
    for (const word of line.split(" ")) {
      const longer = found.at(-1) ? `${found.at(-1)} ${word}` : word;
      if (found.at(-1) && wide(longer) > room) found.push(word);
      else found[found.length - 1] = longer;
    }
    return found.join("<br>");
  }).join("<br>");
}
