/* Runs: which rows show, in which order, under which headings; and what of that the address and this browser keep. */

(function () {
  const KEPT = "crossprof-runs"; // columns and grouping, as one left them
  const NARROW = 600;
  const view = { text: "", facets: [], group: "", sort: "", folded: new Set(), passing: null, counts: new Map(), rank: new Map() };
  const texts = new WeakMap();
  const watched = new WeakSet();

  const group_of = { name: "run", framework: "framework_title", model: "model", device: "device_title" };
  const tagsOf = (row) => (row.tags ? row.tags.split(", ") : []);

  function headingOf(row) {
    if (!view.group.startsWith("tag:")) return row[group_of[view.group]];
    const start = view.group.slice(4) + "=";
    return tagsOf(row).find((tag) => tag.startsWith(start)) || "without " + view.group.slice(4);
  }

  function textOf(row) {
    if (!texts.has(row)) {
      const told = [row.run, row.framework, row.model, row.device, row.precision, row.status, row.verdict, row.tags, row.note, row.run_id];
      texts.set(row, told.join("\n").toLowerCase());
    }
    return texts.get(row);
  }

  function hasFacet(row, kind, value) {
    return kind === "tag" ? tagsOf(row).includes(value) : row[group_of[kind]] === value;
  }

  /* Choices of one kind are alternatives, kinds are conditions, and so are the words. */
  function passes(row) {
    const words = view.text.toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.every((word) => textOf(row).includes(word))) return false;
    const kinds = new Map();
    view.facets.forEach((facet) => {
      const at = facet.indexOf(":");
      const kind = facet.slice(0, at);
      kinds.set(kind, kinds.get(kind) || hasFacet(row, kind, facet.slice(at + 1)));
    });
    return [...kinds.values()].every(Boolean);
  }

  /* One heading a group that has rows to show; it stays where its rows are folded away. */
  function syncHeadings(api) {
    const present = new Map();
    api.forEachNode((node) => node.data.is_group && present.set(node.data.run_id, node.data));
    const wanted = [...view.counts].map(([heading, count]) => {
      return { run_id: "group:" + heading, is_group: true, heading: heading, count: count, is_folded: view.folded.has(heading) };
    });
    const ids = new Set(wanted.map((row) => row.run_id));
    const changed = (row) => {
      const before = present.get(row.run_id);
      return before && (before.count !== row.count || before.is_folded !== row.is_folded);
    };
    const change = {
      add: wanted.filter((row) => !present.has(row.run_id)),
      update: wanted.filter(changed),
      remove: [...present.values()].filter((row) => !ids.has(row.run_id)),
    };
    if (change.add.length + change.update.length + change.remove.length) api.applyTransaction(change);
  }

  function refilter(api) {
    view.passing = new Set();
    view.counts = new Map();
    let all = 0;
    api.forEachNode((node) => {
      if (node.data.is_group) return;
      all += 1;
      if (!passes(node.data)) return;
      view.passing.add(node.data.run_id);
      if (view.group) view.counts.set(headingOf(node.data), (view.counts.get(headingOf(node.data)) || 0) + 1);
    });
    syncHeadings(api);
    api.onFilterChanged();
    api.refreshClientSideRowModel("sort");
    const matches = view.passing.size === all ? "" : view.passing.size.toLocaleString("en-US") + " shown";
    window.dash_clientside.set_props("run-matches", { children: matches });
  }

  function watch(api) {
    if (watched.has(api)) return;
    watched.add(api);
    api.addEventListener("rowDataUpdated", () => {
      const headings = new Set();
      api.forEachNode((node) => node.data.is_group && headings.add(node.data.heading));
      if (headings.size !== view.counts.size) window.setTimeout(() => refilter(api), 0);
    });
    api.addEventListener("sortChanged", () => {
      const sorted = api.getColumnState().find((column) => column.sort);
      view.sort = sorted ? sorted.colId + ":" + sorted.sort : "";
      writeAddress();
    });
    if (window.innerWidth < NARROW) api.setColumnsPinned(["is_pinned", "run"], null);
  }

  const functions = (window.dashAgGridFunctions = window.dashAgGridFunctions || {});

  functions.runPasses = (row) => {
    if (!view.passing) return true;
    if (row.is_group) return view.counts.has(row.heading);
    return view.passing.has(row.run_id) && !(view.group && view.folded.has(headingOf(row)));
  };

  /* Groups come in the order of their first row, headings before rows, pinned runs before others. */
  functions.orderRuns = (params) => {
    const keyOf = (row) => (row.is_group ? row.heading : view.group ? headingOf(row) : "");
    const first = new Map();
    params.nodes.forEach((node, at) => {
      if (!node.data.is_group && !first.has(keyOf(node.data))) first.set(keyOf(node.data), at);
    });
    first.forEach((at, key) => view.rank.set(key, at));
    const rank = (row) => (view.rank.has(keyOf(row)) ? view.rank.get(keyOf(row)) : Infinity);
    const level = (row) => (row.is_group ? 0 : row.is_pinned ? 1 : 2);
    const placed = params.nodes.map((node, at) => [rank(node.data), keyOf(node.data), level(node.data), at, node]);
    placed.sort((a, b) => a[0] - b[0] || (a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : 0) || a[2] - b[2] || a[3] - b[3]);
    placed.forEach((entry, at) => (params.nodes[at] = entry[4]));
  };

  let address = {}; // what the last view had, for changes that no callback tells of

  function writeAddress() {
    const query = new URLSearchParams();
    Object.entries(address).forEach(([name, value]) => value && query.set(name, value));
    if (view.sort) query.set("sort", view.sort);
    const search = query.toString().replaceAll("%2C", ",").replaceAll("%3A", ":").replaceAll("%3D", "=");
    window.history.replaceState(window.history.state, "", window.location.pathname + (search ? "?" + search : "") + window.location.hash);
  }

  /* Columns and grouping of the last visit, where the address has none. */
  function restore(offered) {
    const here = new URLSearchParams(window.location.search);
    view.sort = here.get("sort") || "";
    let kept = {};
    try {
      kept = JSON.parse(window.localStorage.getItem(KEPT) || "{}");
    } catch (error) {
      kept = {}; // what this browser keeps is damaged, or must not be read
    }
    const columns = (kept.columns || []).filter((name) => offered.includes(name));
    if (!here.get("cols") && columns.length) window.dash_clientside.set_props("columns", { value: columns });
    if (!here.get("group") && kept.group) window.dash_clientside.set_props("group", { value: kept.group });
  }

  function keep(columns, group) {
    try {
      window.localStorage.setItem(KEPT, JSON.stringify({ columns: columns, group: group }));
    } catch (error) {
      return; // a browser that keeps nothing
    }
  }

  function ids(selected) {
    return Array.isArray(selected) ? selected.map((row) => row.run_id) : (selected && selected.ids) || [];
  }

  function viewRuns(selected, text, facets, group, columns, base, trend, metric, rows, options, usual) {
    const offered = (options || []).map((option) => option.value);
    const isFirst = view.usual !== usual; // the page was laid out anew
    const state = { text: text || "", facets: facets || [], group: group || "" };
    const isSame = !isFirst && rows === view.rows && ["text", "group"].every((name) => view[name] === state[name]) && facets === view.facets;
    if (isFirst) restore(offered);
    else keep(columns.join() === usual.filter((name) => offered.includes(name)).join() ? [] : columns, group);
    if (view.group !== state.group) view.rank = new Map();
    if (isFirst) Object.assign(view, { folded: new Set(), trend: null });
    Object.assign(view, state, { rows: rows, usual: usual });
    const chosen = ids(selected);
    const isUsual = columns.every((name) => usual.includes(name)) && usual.every((name) => columns.includes(name) || !offered.includes(name));
    const defaults = view.trend || (view.trend = { name: trend, metric: "step_time" });
    address = {
      q: text,
      only: view.facets.join(","),
      group: group,
      runs: chosen.join(","),
      base: base,
      cols: isUsual ? "" : columns.join(","),
      trend: trend === defaults.name ? "" : trend,
      metric: metric === defaults.metric ? "" : metric,
    };
    if (isFirst && new URLSearchParams(window.location.search).get("trend")) address.trend = trend;
    writeAddress();
    dash_ag_grid.getApiAsync("runs").then((api) => {
      window.setTimeout(() => {
        watch(api);
        api.setColumnsVisible(columns, true);
        api.setColumnsVisible(offered.filter((name) => !columns.includes(name)), false);
        if (!isSame) refilter(api);
      }, 0);
    });
    const row = (rows || []).find((candidate) => candidate.run_id === base);
    const compared = row ? [base].concat(chosen.filter((id) => id !== base)) : chosen;
    return [
      compared.length < 2,
      compared.length < 2 ? "Compare" : "Compare " + compared.length + " runs",
      chosen.length !== 1,
      chosen.length === 1 && chosen[0] === base ? "Clear baseline" : "Set as baseline",
      row ? "Baseline: " + row.run : "",
      chosen.length === 0,
      chosen.length > 1 ? "Delete " + chosen.length : "Delete",
      window.dash_clientside.no_update,
    ];
  }

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.crossprof = Object.assign(window.dash_clientside.crossprof || {}, { viewRuns: viewRuns });

  function fold(heading) {
    dash_ag_grid.getApiAsync("runs").then((api) => {
      if (!view.folded.delete(heading)) view.folded.add(heading);
      refilter(api);
    });
  }

  /* Cells */
  const cells = (window.dashAgGridComponentFunctions = window.dashAgGridComponentFunctions || {});
  const element = (...parts) => React.createElement(...parts);

  cells.RunGroup = (props) => {
    const row = props.data;
    const named = (row.is_folded ? "▸ " : "▾ ") + row.heading;
    const count = element("span", { key: "count", className: "dimmed" }, row.count + (row.count === 1 ? " run" : " runs"));
    const attributes = { className: "run-group", type: "button", "aria-expanded": !row.is_folded, onClick: () => fold(row.heading) };
    return element("button", attributes, [element("strong", { key: "name" }, named), count]);
  };

  cells.Pin = (props) => {
    const label = (props.value ? "Unpin " : "Pin ") + props.data.run;
    const attributes = { className: "pin" + (props.value ? " is-pinned" : ""), type: "button", title: label, "aria-label": label };
    attributes.onClick = () => props.node.setDataValue("is_pinned", !props.value);
    return element("button", attributes, props.value ? "★" : "☆");
  };

  cells.Change = (props) => {
    const name = props.colDef.field;
    return element("span", { className: props.data[name + "_tone"] || "dimmed", title: props.data[name + "_why"] || "" }, props.data[name + "_text"] || "–");
  };

  /* Keys */
  function focused(api) {
    const cell = api.getFocusedCell();
    return cell ? api.getDisplayedRowAtIndex(cell.rowIndex) : null;
  }

  function move(api, by) {
    const cell = api.getFocusedCell();
    let at = cell ? cell.rowIndex + by : 0;
    while (api.getDisplayedRowAtIndex(at) && api.getDisplayedRowAtIndex(at).data.is_group) at += by;
    if (!api.getDisplayedRowAtIndex(at)) return;
    api.ensureIndexVisible(at);
    api.setFocusedCell(at, "run");
  }

  function open(api) {
    const node = focused(api);
    if (!node || node.data.is_group) return;
    openInside("/run?run=" + encodeURIComponent(node.data.run_id));
  }

  const keys = {
    j: (api) => move(api, 1),
    k: (api) => move(api, -1),
    x: (api) => focused(api) && focused(api).setSelected(!focused(api).isSelected()),
    o: open,
    p: (api) => focused(api) && !focused(api).data.is_group && focused(api).setDataValue("is_pinned", !focused(api).data.is_pinned),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !document.getElementById("runs")) return;
    if (event.target.closest("input, textarea, select, dialog, [contenteditable='true'], .ag-cell-editor")) return;
    dash_ag_grid.getApiAsync("runs").then((api) => {
      const cell = api.getFocusedCell();
      if (event.key === "Enter" && cell && cell.column.getColId() === "run" && event.target.closest(".ag-cell")) open(api);
      else if (keys[event.key]) keys[event.key](api);
    });
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-act='delete']:not(:disabled)")) document.getElementById("deletion").showModal();
    if (event.target.closest("[data-act='keep']")) document.getElementById("deletion").close();
    const menu = document.querySelector(".column-menu[open]");
    if (menu && !event.target.closest(".column-menu")) menu.removeAttribute("open");
  });
})();
