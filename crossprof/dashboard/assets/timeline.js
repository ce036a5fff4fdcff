/* The timeline's view: how it starts, where its zero lies, when it is drawn and when it asks. */

(function (parts) {
  let current = null;
  let frame = 0;
  let addressTimer = 0;
  let tableTimer = 0;
  parts.LEAST_SPAN = 50;
  parts.current = () => current;
  const isShown = (view) => view === current && view.canvas.isConnected;

  function made(runs) {
    const view = {
      shown: runs,
      ...parts.readAddress(window.location.search),
      ending: new AbortController(),
      font: "11px Inter, system-ui, sans-serif",
      scroll: 0, paintTimes: [], details: null, pointer: null, dragged: null, isReady: false,
      runs: runs.map((run, place) => ({ id: run.run_id, label: run.label, shade: run.shade, place, data: null, origin: 0, lanes: [] })),
    };
    const places = { scroller: "view", panel: "details" };
    for (const name of ["scroller", "canvas", "overlay", "labels", "legend", "tip", "panel", "table", "status"]) {
      view[name] = parts.element(places[name] || name);
    }
    view.context = view.canvas.getContext("2d", { alpha: false });
    view.over = view.overlay.getContext("2d");
    return view;
  }

  async function load(view) {
    try {
      const told = await parts.json("tracks", "runs=" + view.runs.map((run) => encodeURIComponent(run.id)).join(","));
      view.runs.forEach((run, place) => (run.info = told[place]));
    } catch (error) {
      view.status.replaceChildren(parts.failed(error));
      return;
    }
    if (!isShown(view)) return;
    const known = new Set(view.runs.flatMap((run) => run.info.categories.map((category) => category.name)));
    view.hidden = new Set([...view.hidden].filter((name) => known.has(name)));
    parts.align(view);
    Object.assign(view, view.window || parts.opening(view));
    parts.palette(view);
    view.isReady = true;
    view.scroller.classList.remove("is-loading");
    view.status.replaceChildren();
    lay(view);
    parts.loadMap(view);
    if (view.selected) parts.select(view, view.selected, { moves: !view.window });
    parts.changed(view);
    parts.tally(view);
  }

  /* Where zero lies in each run, in its own time. */
  parts.align = function (view) {
    view.mostSteps = Math.max(0, ...view.runs.map((run) => run.info.steps.length - 1));
    view.step = Math.min(view.step, view.mostSteps);
    const steps = view.runs.map((run) => run.info.steps[Math.min(view.step, run.info.steps.length - 1)]);
    view.runs.forEach((run, place) => {
      const start = steps[place] ? steps[place][1] : run.info.opening[0];
      run.origin = { step: start, start: 0, clock: -run.info.after_first }[view.align];
    });
    const numbers = [...new Set(steps.map((step) => (step ? step[0] : "–")))];
    parts.element("step").textContent = steps.some(Boolean) ? "step " + numbers.join(" | ") : "no steps";
    parts.element("align").value = view.align;
    parts.element("step-back").disabled = view.step <= 0;
    parts.element("step-on").disabled = view.step >= view.mostSteps;
  };

  parts.opening = function (view) {
    const from = Math.min(...view.runs.map((run) => run.info.opening[0] - run.origin));
    const to = Math.max(...view.runs.map((run) => run.info.opening[1] - run.origin));
    const margin = Math.max((to - from) * 0.02, parts.LEAST_SPAN);
    return { from: from - margin, to: to + margin };
  };

  function lay(view) {
    parts.layRows(view);
    parts.drawLabels(view, (row) => {
      if (!view.folded.delete(row.key)) view.folded.add(row.key);
      lay(view);
      parts.changed(view);
    });
    parts.drawLegend(view, (name) => {
      if (!view.hidden.delete(name)) view.hidden.add(name);
      lay(view);
      parts.changed(view);
      parts.tally(view);
    });
    measure(view);
  }

  function measure(view) {
    const gutter = view.labels.offsetWidth;
    view.scroller.style.height = Math.min(view.total, Math.max(260, window.innerHeight - 330)) + "px";
    view.width = Math.max(120, view.scroller.clientWidth - gutter);
    view.height = view.scroller.clientHeight;
    view.ratio = window.devicePixelRatio || 1;
    for (const canvas of [view.canvas, view.overlay]) {
      canvas.width = Math.round(view.width * view.ratio);
      canvas.height = Math.round(view.height * view.ratio);
      Object.assign(canvas.style, { width: view.width + "px", height: view.height + "px", left: gutter + "px" });
    }
    parts.paintMap(view);
  }

  parts.draw = function (view) {
    if (frame) return;
    frame = requestAnimationFrame(() => {
      frame = 0;
      if (!isShown(view)) return;
      parts.paint(view);
      parts.paintOverlay(view);
      parts.moveMap(view);
    });
  };

  parts.drawOver = (view) => frame || parts.paintOverlay(view);

  /* After every change: the picture at once, what it lacks from the server, then address and table when it rests. */
  parts.changed = function (view) {
    parts.draw(view);
    for (const run of view.runs) parts.ask(view, run);
    clearTimeout(addressTimer);
    clearTimeout(tableTimer);
    addressTimer = setTimeout(() => isShown(view) && parts.writeAddress(view), 150);
    tableTimer = setTimeout(() => isShown(view) && parts.tabulate(view), 300);
  };

  /* Brings an event into view, at the same zoom. */
  parts.reveal = function (view, run, event) {
    const half = (view.to - view.from) / 2;
    const middle = (event.start_ns + event.finish_ns) / 2 - run.origin;
    if (event.start_ns - run.origin < view.from || event.finish_ns - run.origin > view.to) {
      Object.assign(view, { from: middle - half, to: middle + half });
    }
    const row = parts.nearestRow(view, run, event.lane_id);
    if (row && (row.y < view.scroll + parts.RULER || row.y + row.height > view.scroll + view.height)) {
      view.scroller.scrollTop = row.y - view.height / 2;
    }
  };

  function connect(view) {
    const act = (view.act = parts.actions(view));
    const on = (name, type, handler) => parts.on(view, parts.element(name), type, handler);
    parts.listen(view, act);
    parts.listenToMap(view);
    parts.element("by").value = view.by;
    on("by", "change", (event) => {
      view.by = event.target.value;
      parts.changed(view);
    });
    on("align", "change", (event) => {
      const before = view.runs[0].origin;
      view.align = event.target.value;
      parts.align(view);
      const moved = before - view.runs[0].origin;
      Object.assign(view, { from: view.from + moved, to: view.to + moved, area: null, mark: null });
      parts.paintMap(view);
      parts.changed(view);
    });
    on("step-back", "click", () => act.step(-1));
    on("step-on", "click", () => act.step(1));
    let timer = 0;
    on("search", "input", (event) => {
      clearTimeout(timer);
      timer = setTimeout(() => isShown(view) && parts.search(view, event.target.value), 180);
    });
    on("search", "keydown", (event) => {
      if (event.key === "Enter") act.next(event.shiftKey ? -1 : 1);
      if (event.key === "Escape") event.target.blur();
    });
    const watching = new ResizeObserver(() => {
      if (!isShown(view) || !view.isReady) return;
      measure(view);
      parts.changed(view);
    });
    watching.observe(view.scroller.parentElement);
    view.ending.signal.addEventListener("abort", () => watching.disconnect());
  }

  document.addEventListener("keydown", (event) => {
    if (current && isShown(current) && current.isReady) parts.onKey(current.act, event);
  });

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    timeline: {
      open(runs) {
        const isSame = current && current.canvas === parts.element("canvas") && current.shown === runs;
        if (isSame) {
          if (current.isReady) {
            parts.palette(current);
            parts.paintMap(current);
            parts.draw(current);
          }
          return window.dash_clientside.no_update;
        }
        if (current) current.ending.abort();
        clearTimeout(addressTimer);
        current = made(runs);
        parts.drawDetails(current, null);
        connect(current);
        load(current);
        return runs.length;
      },
    },
  });
})((window.timelineParts = window.timelineParts || {}));
