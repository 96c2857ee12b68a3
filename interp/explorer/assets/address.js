// The address follows what is shown. Sliders replace it; opening something adds to the history.
window.dash_clientside = window.dash_clientside || {};
window.dash_clientside.interp = {
    address: (sweep, x, y, panel, cell, filter, opened, thresholds, steps, neurons, lists) => {
        const query = new URLSearchParams();
        const put = (name, value) => {
            if (value !== null && value !== undefined) query.append(name, value);
        };
        put("sweep", sweep); put("x", x); put("y", y); put("panel", panel);
        if (cell) put("cell", JSON.stringify(cell));
        const inputs = window.dash_clientside.callback_context.inputs_list;
        const of = (place, run) => {
            const found = (inputs[place] || []).find((one) => one.id.run === run);
            return found ? found.value : undefined;
        };
        for (const run of opened || []) {
            put("run", run.name);
            const place = of(8, run.name), list = of(10, run.name);
            put("step", list && place !== undefined ? list[place] : run.step);
            put("threshold", of(7, run.name) ?? run.threshold);
            put("neuron", of(9, run.name) ?? run.neuron);
        }
        if (filter && Object.keys(filter).length) put("filter", JSON.stringify(filter));
        const text = query.toString() ? "?" + query : location.pathname;
        const names = (opened || []).map((run) => run.name);
        const runs = JSON.stringify([names, cell ?? null]);
        const before = window.interpOpened;
        window.interpOpened = runs;
        if (query.toString() === location.search.slice(1)) return text;
        const adds = before !== undefined && before !== runs;
        history[adds ? "pushState" : "replaceState"](null, "", text);
        return text;
    },
};
