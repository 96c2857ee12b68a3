// Fits the words of every figure that appears in a page.

new MutationObserver((changes) => {
  for (const { target } of changes) {
    const gd = target.closest?.(".js-plotly-plot");
    if (gd && gd.on && !gd.watched) { gd.watched = true; fitWords(gd); }
  }
}).observe(document, { childList: true, subtree: true });
