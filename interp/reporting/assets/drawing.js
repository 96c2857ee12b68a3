// Figures: drawn with the template that Python's figures have, light or dark, wide or narrow.

const DARK = {
  "#222222": "#e8e8e8", "#222": "#e8e8e8", "#555": "#a9afb8", "#e4e4e4": "#343a42",
  "white": "#14171b", "#ffffff": "#14171b", "rgba(255,255,255,0.8)": "rgba(20,23,27,0.8)",
  "#0072b2": "#4aa8e0", "#5f5f5f": "#a6a6a6", "#8c8c8c": "#a6a6a6", "#009e73": "#2fc79a",
  "#d55e00": "#f0803c",
  "rgba(213,94,0,0.15)": "rgba(240,128,60,0.25)", "rgba(0,158,115,0.15)": "rgba(47,199,154,0.25)",
};

let dark = false;

function recoloured(value) {
  if (typeof value === "string") return DARK[value.toLowerCase()] ?? value;
  if (Array.isArray(value)) return value.map(recoloured);
  if (value && typeof value === "object" && !ArrayBuffer.isView(value)) {
    if ("bdata" in value) return value; // packed numbers
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, recoloured(one)]));
  }
  return value;
}

class Drawing {
  constructor(given) {
    this.template = given.template.template;
    this.config = { ...given.config, responsive: false }; // this class follows the window itself
    this.drawn = new Map();
    const media = matchMedia("(prefers-color-scheme: dark)");
    this.setDark(media.matches);
    media.addEventListener("change", (event) => this.setDark(event.matches));
    // Paper is white, and as wide as it is.
    addEventListener("beforeprint", () => {
      this.before = dark;
      document.documentElement.classList.add("printing");
      this.setDark(false);
    });
    addEventListener("afterprint", () => {
      document.documentElement.classList.remove("printing");
      this.setDark(this.before);
    });
    let width = innerWidth;
    addEventListener("resize", () => {
      if (innerWidth !== width) { width = innerWidth; this.again(); }
    });
  }

  get narrow() {
    return innerWidth < 700;
  }

  setDark(value) {
    dark = value;
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    this.again();
  }

  again() {
    for (const [id, make] of this.drawn) this.draw(id, make);
  }

  // Draws a figure, and again whenever the look changes. `make` gives {data, layout}.
  show(id, make) {
    this.drawn.set(id, make);
    return this.draw(id, make);
  }

  draw(id, make) {
    let { data, layout } = make();
    layout = { template: this.template, uirevision: id, ...layout };
    layout.margin = { l: 56, r: 16, t: 28, b: 48, ...layout.margin };
    if (dark) { data = recoloured(data); layout = recoloured(layout); }
    const element = document.getElementById(id);
    element.style.height = `${layout.height}px`;
    layout.width = element.clientWidth;
    Plotly.react(element, data, layout, this.config);
    element.plain ??= () => this.plain(id); // an image is light, whatever the page is
    savingMenu(element);
    return element;
  }

  // A figure without the page's colours.
  plain(id) {
    const { data, layout } = this.drawn.get(id)();
    const margin = { l: 56, r: 16, t: 28, b: 48, ...layout.margin };
    return { data, layout: { template: this.template, ...layout, margin } };
  }

  // A figure as Python made it; its title stands in the page already, its caption goes there.
  showMade(key, figure) {
    const id = `figure-${key}`;
    const subtitle = figure.layout.title?.subtitle?.text;
    const words = document.getElementById(id).previousElementSibling;
    if (subtitle) words.textContent = `${words.textContent} ${subtitle.replaceAll("<br>", " · ")}`;
    const element = this.show(id, () => {
      const layout = structuredClone(figure.layout);
      delete layout.title;
      layout.margin = { ...layout.margin, t: figure.layout.annotations ? 44 : 28 };
      layout.height ??= 420;
      if (this.narrow) {
        layout.height = Math.max(380, (layout.meta?.tall ?? 0) - 100); // without a legend, which adds its own
        layout.legend = { ...legendBelow(true).legend, font: { size: 11 } };
      }
      return { data: structuredClone(figure.data), layout };
    });
    element.on("plotly_afterplot", () => { element.style.height = `${element._fullLayout.height}px`; });
    fitWords(element, true);
  }
}

// A legend at the figure's lower edge, in a margin that its rows fit in.
function legendBelow(narrow, rows = 1) {
  const deep = narrow ? 58 + 19 * Math.max(rows, 1) : 86;
  return { legend: { orientation: "h", y: 0, yref: "container", yanchor: "bottom", x: 0, font: { size: 12 } }, margin: { b: deep } };
}

function line(axis, at, words) {
  const across = axis === "x" ? { x0: at, x1: at, yref: "paper", y0: 0, y1: 1 } : { y0: at, y1: at, xref: "paper", x0: 0, x1: 1 };
  return { type: "line", ...across, line: { color: "#222222", dash: "dash", width: 1.5 }, name: words };
}

// Ticks of a logarithmic axis: decades, or 1, 2 and 5 of few of them; as interp.figures.log_axes.
function logTicks(values) {
  const known = values.filter((one) => one > 0);
  const decades = known.length ? Math.log10(Math.max(...known) / Math.min(...known)) : 0;
  if (decades < 0.5) return {};
  return decades < 2 ? { dtick: "D2", minorloglabels: "complete" } : { dtick: Math.ceil(decades / 6) };
}
