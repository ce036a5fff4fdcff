/* What the view asks the server and does with the answers: windows, the table, search, the selected event. */

(function (parts) {
  const isOld = (view) => view !== parts.current();
  const element = (id) => document.getElementById("timeline-" + id);
  parts.element = element;

  function fail(place, error) {
    place.replaceChildren(parts.failed(error));
  }

  /* One question at a time for each run; what changed meanwhile is asked when the answer is there. */
  parts.ask = async function (view, run) {
    const missing = run.isAsking ? null : parts.missing(view, run);
    if (!missing) return;
    run.isAsking = true;
    try {
      const data = await parts.binary("slices", missing.query);
      run.data = Object.assign(data, { key: missing.key, perPixel: missing.perPixel });
      view.status.replaceChildren();
    } catch (error) {
      fail(view.status, error);
      return;
    } finally {
      run.isAsking = false;
    }
    if (isOld(view)) return;
    parts.draw(view);
    parts.ask(view, run);
  };

  function hiding(view, query) {
    if (view.hidden.size) query.set("hide", [...view.hidden].join(","));
    return query;
  }

  const onDevices = (run) => run.info.tracks.filter((track) => track.family === "device");
  const AROUND_OPERATORS = ["range", "call", "sync", "python"];

  /* The lanes of the table: those of the area, else all of devices, else the threads that are shown. */
  function tableLanes(view, run) {
    if (view.area) return view.area.lanes[run.place] || [];
    const devices = onDevices(run);
    if (devices.length) return devices.flatMap((track) => track.lanes);
    return view.rows.filter((row) => row.run === run && row.kind === "host").map((row) => row.lane);
  }

  parts.tabulate = async function (view) {
    const span = view.area || view;
    const query = new URLSearchParams({ by: view.by });
    for (const run of view.runs) {
      const from = Math.round(run.origin + span.from);
      query.append("run", run.id);
      query.append("from", from);
      query.append("to", Math.max(from + 1, Math.round(run.origin + span.to)));
      query.append("lanes", parts.ranges(tableLanes(view, run)));
    }
    const hidden = [...view.hidden, ...(view.area ? [] : AROUND_OPERATORS)];
    if (hidden.length) query.set("hide", hidden.join(","));
    describe(view, span);
    try {
      const told = await parts.json("area", query);
      if (!isOld(view)) parts.drawTable(view, told, (text) => parts.search(view, text));
    } catch (error) {
      fail(view.table, error);
    }
  };

  function describe(view, span) {
    const length = parts.duration(span.to - span.from);
    const places = view.runs.map((run) => onDevices(run).length > 0);
    const onHosts = places.some(Boolean) ? "All work of devices, or operators" : "All operators, one inside another in both,";
    const work = places.every(Boolean) ? "All work of devices" : onHosts;
    element("scope").textContent = view.area
      ? "Selected area, " + length + ". Esc clears it."
      : work + " in these " + length + ". A drag selects an area.";
    const names = view.runs.map((run) => run.label).join(" and ");
    view.canvas.setAttribute("aria-label", "Timeline of " + names + ", " + length + " of it");
  }

  function searchQuery(view, run) {
    return hiding(view, new URLSearchParams({ run: run.id, search: view.search, lanes: parts.ranges(run.lanes) }));
  }

  parts.search = function (view, text) {
    view.search = text;
    parts.changed(view);
    parts.tally(view);
  };

  parts.tally = async function (view) {
    const text = view.search;
    const field = element("search");
    if (field.value !== text) field.value = text;
    element("found").textContent = "";
    if (!text) return;
    try {
      const told = await Promise.all(view.runs.map((run) => parts.json("search", searchQuery(view, run))));
      if (isOld(view) || view.search !== text) return;
      const calls = (one) => one.calls.toLocaleString("en-US") + (one.calls === 1 ? " call, " : " calls, ");
      const words = (one) => calls(one) + parts.duration(one.total_ns);
      element("found").textContent = told.map(words).join(" | ");
    } catch (error) {
      fail(view.status, error);
    }
  };

  /* The next event of the searched name in the run that is looked at, else in the other one. */
  parts.next = async function (view, direction) {
    const current = view.details && view.details.run;
    const order = current ? [current, ...view.runs.filter((run) => run !== current)] : view.runs;
    try {
      for (const run of order) {
        const query = searchQuery(view, run);
        const edge = run.origin + (direction > 0 ? view.from : view.to);
        query.set("at", Math.round(current === run ? view.details.event.start_ns : edge));
        if (direction < 0) query.set("direction", "back");
        const { next } = await parts.json("search", query);
        if (next) return parts.select(view, [run.place, next.kind, next.rank, next.id]);
      }
      element("found").textContent = direction > 0 ? "No more after this one" : "None before this one";
    } catch (error) {
      fail(view.status, error);
    }
  };

  parts.select = async function (view, [place, kind, rank, id], { moves = true } = {}) {
    const run = view.runs[place];
    if (!run) return;
    const wanted = (view.selected = [place, kind, rank, id]);
    const others = view.runs.filter((one) => one !== run);
    const query = new URLSearchParams({ run: run.id, kind, rank, id });
    for (const other of others) query.append("beside", other.id);
    try {
      const told = await parts.json("event", query);
      if (isOld(view) || view.selected !== wanted) return;
      view.details = { ...told, run };
    } catch (error) {
      view.details = null;
      fail(view.panel, error);
      return;
    }
    const { event, elsewhere } = view.details;
    if (moves) parts.reveal(view, run, event);
    const actions = [["Search this name", () => parts.search(view, event.name)]];
    others.forEach((other, at) => {
      const found = elsewhere[at];
      const label = (found ? "Find in " : "No such name in ") + other.label;
      actions.push([label, found ? () => parts.select(view, [other.place, found.kind, found.rank, found.id]) : null]);
    });
    parts.drawDetails(view, view.details, actions);
    parts.changed(view);
  };
})((window.timelineParts = window.timelineParts || {}));
