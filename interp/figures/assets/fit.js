// Fits a figure's words to its width: lines are broken where they would be cut or meet.
// Python draws a figure for a screen; on a phone, or in a column, there is less room.

function fitWords(gd) {
  const fit = () => fitOnce(gd);
  gd.on("plotly_afterplot", fit);
  fit();
}

const LEAST_GAP = 6; // pixels between a word and the edge
const ROUNDS = 4; // broken lines change margins, and these the length of axes

function fitOnce(gd) {
  const full = gd._fullLayout;
  if (!full || gd.fitting) return;
  const now = { ...wordsOf(gd), width: full.width };
  if (!gd.fitted || differ(gd.fitted, now)) gd.meant = meantBy(gd, now);
  else if (gd.fitted.width === now.width && gd.rounds >= ROUNDS) return;
  if (gd.fitted?.width !== now.width || differ(gd.fitted, now)) gd.rounds = 0;
  gd.rounds += 1;
  const changes = { ...fittedTitle(gd, full), ...fittedAxes(gd, full) };
  for (const [path, value] of Object.entries(changes)) if (valueAt(gd.layout, path) === value) delete changes[path];
  gd.fitted = { ...now, ...Object.fromEntries(Object.entries(changes).filter(([path]) => path in now)) };
  if (!Object.keys(changes).length) { gd.rounds = ROUNDS; return; }
  gd.fitting = true;
  Plotly.relayout(gd, changes).then(() => { gd.fitting = false; fitOnce(gd); });
}

// The texts of a figure by their paths in its layout.
function wordsOf(gd) {
  const found = { "title.text": gd.layout.title?.text ?? "", "title.subtitle.text": gd.layout.title?.subtitle?.text ?? "" };
  for (const axis of axesOf(gd._fullLayout)) found[`${axis}.title.text`] = gd.layout[axis]?.title?.text ?? "";
  return found;
}

function axesOf(full) {
  return Object.keys(full).filter((key) => /^[xy]axis\d*$/.test(key));
}

function differ(one, other) {
  return Object.keys(other).some((path) => path !== "width" && one[path] !== other[path]);
}

// What the figure said before any line was broken here.
function meantBy(gd, now) {
  return { ...now, margin: gd.layout.margin?.t ?? gd._fullLayout.margin.t };
}

function valueAt(layout, path) {
  return path.split(".").reduce((part, key) => part?.[key], layout);
}

function fittedTitle(gd, full) {
  const { "title.text": title, "title.subtitle.text": subtitle, margin } = gd.meant;
  if (!title) return {};
  const room = full.width - 2 * LEAST_GAP - 8;
  const [head, below] = [broken(title, room, full.title.font), broken(subtitle, room, full.title.subtitle.font)];
  const more = 20 * (lines(head) - lines(title)) + 15 * (lines(below) - lines(subtitle));
  const narrow = more > 0 || full.width < 700 ? { "title.x": 8 / full.width, "title.xref": "container" } : {};
  return { "title.text": head, "title.subtitle.text": below, "margin.t": margin + more, ...narrow };
}

function fittedAxes(gd, full) {
  const found = {};
  for (const axis of axesOf(full)) {
    const text = gd.meant[`${axis}.title.text`];
    if (text) found[`${axis}.title.text`] = broken(text, Math.max(60, full[axis]._length), full[axis].title.font);
  }
  return found;
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
