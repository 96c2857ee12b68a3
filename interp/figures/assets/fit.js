// Fits a figure's words to its width: lines are broken where they would be cut or meet, a legend
// below moves to the edge, columns move apart. Python draws a figure for a screen; on a phone, or
// in a column, there is less room.

const NARROW = 700; // pixels
const LEAST_GAP = 22; // between columns: the last tick of one beside the first of the next
const ROUNDS = 8; // broken lines change margins, and these the length of axes
const TITLE_LINE = 20, SMALL_LINE = 15; // pixels

// A figure of a width of its own, such as a paper's, is left alone unless it is asked for.
function fitWords(gd, always = false) {
  const start = () => { if (!gd.fitting && (always || !gd.layout?.width)) startFitting(gd); };
  gd.on("plotly_afterplot", start);
  start();
}

function startFitting(gd) {
  if (!gd._fullLayout) return;
  gd.meant ??= {};
  gd.applied ??= {};
  for (const path of trackedPaths(gd)) {
    const now = valueAt(gd.layout, path);
    if (!(path in gd.applied) || !same(now, gd.applied[path])) gd.meant[path] = now; // not of this script
  }
  const place = placeOf(gd);
  if (place.style.height !== gd.grown || !gd.place) { // as the page has it
    gd.place = place.style.height.endsWith("px") ? parseFloat(place.style.height) : gd._fullLayout.height;
  }
  gd.rounds = 0;
  fitFurther(gd);
}

function fitFurther(gd) {
  const columns = fittedColumns(gd), notes = fittedNotes(gd), legend = fittedLegend(gd);
  const wanted = { ...columns, ...notes.texts, ...fittedAxes(gd), ...legend.changes };
  const under = Math.max(legend.below, 21 * moreLines(gd, wanted, true)) + betweenRows(gd, wanted);
  Object.assign(wanted, fittedTitle(gd, notes.more + legend.above, under));
  const changes = Object.fromEntries(Object.entries(wanted).filter(([path, value]) => !same(value, valueAt(gd.layout, path))));
  const grown = gd.layout.width || !gd.place ? gd.grown : `${Math.round(gd.place + gd.more)}px`;
  const grows = grown !== placeOf(gd).style.height && grown !== undefined;
  if ((!Object.keys(changes).length && !grows) || gd.rounds >= ROUNDS) return;
  gd.rounds += 1;
  Object.assign(gd.applied, changes);
  gd.fitting = true;
  if (grows) grow(gd, grown);
  Plotly.relayout(gd, changes).then(() => (grows ? Plotly.Plots.resize(gd) : null)).then(() => { gd.fitting = false; fitFurther(gd); });
}

// What says how high a figure is that is as wide as the page.
function placeOf(gd) {
  return gd.closest(".dash-graph") ?? gd;
}

// With the box that plotly puts around a figure, which would hide what it has grown by.
function grow(gd, height) {
  const place = placeOf(gd), box = place.parentElement;
  place.style.height = gd.grown = height;
  if (box?.style.height.endsWith("px")) box.style.height = height;
}

const ALWAYS = ["height", "title.text", "title.subtitle.text", "title.x", "title.xref", "margin.t", "margin.b"];
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

// The title in lines, and a figure that is higher by what all its words need more than was meant.
function fittedTitle(gd, above, under) {
  const { meant, _fullLayout: full } = gd;
  const [title, below] = [meant["title.text"] ?? "", meant["title.subtitle.text"] ?? ""];
  const room = full.width - 24;
  const texts = [broken(title, room, full.title.font), broken(below, room, full.title.subtitle.font)];
  const more = above + TITLE_LINE * (lines(texts[0]) - lines(title)) + SMALL_LINE * (lines(texts[1]) - lines(below));
  gd.more = more + under;
  const height = gd.layout.width ? { height: Math.round(meant.height + gd.more) } : {};
  const top = (meant["margin.t"] ?? full.template?.layout?.margin?.t ?? full.margin.t) + more;
  if (!title) return { ...height, "margin.t": top };
  const aside = full.width < NARROW ? [10 / full.width, "container"] : [meant["title.x"] ?? null, meant["title.xref"] ?? null];
  return {
    "title.text": texts[0], "title.subtitle.text": texts[1], "title.x": aside[0], "title.xref": aside[1],
    ...height, "margin.t": top,
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

// How many lines more the titles of horizontal axes have than was meant, at the bottom or above.
function moreLines(gd, wanted, bottom) {
  const { meant, _fullLayout: full } = gd;
  const rows = axesOf(gd).filter((axis) => axis.startsWith("x")).filter((axis) => (lowestOf(full, axis) < 0.01) === bottom);
  return Math.max(0, ...rows.map((axis) => lines(wanted[`${axis}.title.text`] ?? "") - lines(meant[`${axis}.title.text`] ?? "")));
}

function lowestOf(full, axis) {
  const beside = full[full[axis].anchor?.replace("y", "yaxis")];
  return beside ? beside.domain[0] : 0;
}

// Pixels that a figure must grow, for its rows to have room for more lines between them.
function betweenRows(gd, wanted) {
  const { meant, _fullLayout: full } = gd;
  const ends = axesOf(gd).filter((axis) => axis.startsWith("y")).map((axis) => full[axis].domain);
  const gaps = ends.flatMap(([low]) => ends.map(([, high]) => low - high)).filter((gap) => gap > 0.01);
  if (!gaps.length) return 0;
  const inside = (full.annotations ?? []).map((note, i) => (note.y < 0.99 ? lines(wanted[`annotations[${i}].text`] ?? "") - lines(meant[`annotations[${i}].text`] ?? "") : 0));
  const more = moreLines(gd, wanted, false) + Math.max(0, ...inside);
  return Math.min(160, Math.round((21 * more) / Math.min(...gaps)));
}

// A legend below the axes, at the lower edge, in a margin that its rows and the axis' words fit in;
// of one above them, what it needs for more than a row.
function fittedLegend(gd) {
  const { meant, _fullLayout: full } = gd;
  const { legend } = full;
  const lies = legend?.orientation === "h" && full.showlegend && typeof meant["legend.y"] === "number";
  if (!lies) return { changes: {}, above: 0, below: 0 };
  if (meant["legend.y"] >= 1) return { changes: {}, above: Math.max(0, (legend._height ?? 0) - 30), below: 0 };
  if (full.width >= NARROW) {
    const changes = Object.fromEntries([...LEGEND, "margin.b"].map((path) => [path, meant[path] ?? null]));
    return { changes, above: 0, below: 0 };
  }
  const titles = axesOf(gd).filter((axis) => axis.startsWith("x")).map((axis) => valueAt(gd.layout, `${axis}.title.text`) ?? "");
  const deepest = Math.max(1, ...titles.map(lines));
  const deep = Math.round(legend._height ?? 0) + 40 + 17 * deepest;
  const changes = {
    "legend.x": 0, "legend.xanchor": "left", "legend.y": 0, "legend.yref": "container", "legend.yanchor": "bottom",
    "margin.b": deep,
  };
  return { changes, above: 0, below: Math.max(0, deep - USUAL_BELOW) };
}

const USUAL_BELOW = 60; // pixels below the axes that figures are as high as they are for

// Words above panels, broken where they would run over the edge or into those of the next column.
function fittedNotes(gd) {
  const { meant, _fullLayout: full } = gd, texts = {};
  const { l, r } = full._size, width = full.width - l - r;
  let more = 0;
  (full.annotations ?? []).forEach((note, i) => {
    const text = meant[`annotations[${i}].text`];
    const above = note.xref === "paper" || note.y > 0.9;
    if (!text || note.showarrow || !above || note.yanchor !== "bottom") return;
    const axis = note.xref === "paper" ? panelAt(gd, note.x) : full[note.xref.replace("x", "xaxis")];
    if (!axis) return;
    const at = note.xref === "paper" ? l + note.x * width : axis._offset + axis.l2p(note.x);
    const [left, right] = [at - 4, full.width - at - 4];
    const edge = { left: right, right: left }[note.xanchor] ?? 2 * Math.min(left, right);
    const room = axis._length < 0.9 * width ? Math.min(edge, axis._length + LEAST_GAP - 6) : edge;
    texts[`annotations[${i}].text`] = broken(text, room, note.font);
    const extra = lines(texts[`annotations[${i}].text`]) - lines(text);
    if (note.y > 0.99) more = Math.max(more, 1.3 * note.font.size * extra);
  });
  return { texts, more: Math.round(more) };
}

// The panel's horizontal axis at a place across the figure.
function panelAt(gd, x) {
  return axesOf(gd).filter((axis) => axis.startsWith("x")).map((axis) => gd._fullLayout[axis])
    .find((axis) => axis.domain[0] - 1e-6 <= x && x <= axis.domain[1] + 1e-6);
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
    if (note.xref === "paper") found[`annotations[${i}].x`] = place(meant[`annotations[${i}].x`]);
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

// Text with its lines broken between words, so that none is wider than some pixels; a word that is
// wider by itself is broken behind its underscores, as a name of an option is.
function broken(text, room, font) {
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = `${font.size}px ${font.family}`;
  const wide = (words) => pen.measureText(words.replace(/<[^>]*>/g, "")).width;
  return text.split("<br>").map((line) => {
    if (wide(line) <= room) return line;
    const found = [""];
    const parts = line.split(" ").flatMap((word) => (wide(word) > room ? word.match(/[^_]*_|[^_]+/g) : [word]).map((part, i) => [i ? "" : " ", part]));
    for (const [gap, part] of parts) {
      const longer = found.at(-1) ? found.at(-1) + gap + part : part;
      if (found.at(-1) && wide(longer) > room) found.push(part);
      else found[found.length - 1] = longer;
    }
    return found.join("<br>");
  }).join("<br>");
}
