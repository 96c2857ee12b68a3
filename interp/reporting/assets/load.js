// Unpacks what the page holds: gzipped bytes as base64 text.
"use strict";

async function unpacked(id) {
  const text = document.getElementById(id).textContent;
  if (!text) return new ArrayBuffer(0);
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

async function loadPlotly() {
  const script = document.createElement("script");
  script.textContent = new TextDecoder().decode(await unpacked("plotly"));
  document.head.append(script); // a script with text runs at once
}

// Arrays by name; each is {data, shape}.
function arraysOf(places, buffer) {
  const kinds = {
    float64: Float64Array, float32: Float32Array, int32: Int32Array, int16: Int16Array,
    uint16: Uint16Array, int8: Int8Array, uint8: Uint8Array,
  };
  const found = {};
  for (const [name, place] of Object.entries(places)) {
    const length = place.shape.reduce((product, one) => product * one, 1);
    found[name] = { data: new kinds[place.type](buffer, place.at, length), shape: place.shape };
  }
  return found;
}
