/* Kernels and Operators: the state of the grid lives in the address, and the row that is chosen opens below. */

(function () {
  /* Set or, where empty, drop parts of the address, and show it without asking the server for the page. */
  function addressed(parts) {
    const query = new URLSearchParams(window.location.search);
    Object.entries(parts).forEach(([name, value]) => (value ? query.set(name, value) : query.delete(name)));
    const search = query.toString().replaceAll("%2C", ",");
    return window.location.pathname + (search ? "?" + search : "");
  }

  /* The same page with another of its choices: other columns, so another grid. */
  function reopen(parts) {
    openInside(addressed(Object.assign({ sort: "", sel: "" }, parts)));
  }

  const functions = {
    refilterOperations: (text, categories, id) => {
      const api = window.dash_ag_grid.getApi(id);
      if (api) api.purgeInfiniteCache();
    },

    /* Rows that leave the cache are no longer selected; what is shown of them stays. */
    chooseOperation: (rows, chosen) => {
      const key = Array.isArray(rows) && rows.length ? rows[0].key : chosen;
      return key === chosen ? window.dash_clientside.no_update : key;
    },

    /* Rows that came anew: the chosen one is marked again, once the grid has drawn them. */
    markOperation: (count, id, chosen) => {
      window.setTimeout(() => {
        const api = window.dash_ag_grid.getApi(id);
        const node = api && chosen && api.getRowNode(chosen);
        if (node) node.setSelected(true);
      }, 50);
    },

    keepOperations: (text, categories, request, chosen, shown) => {
      const order = request && request.sortModel && request.sortModel[0];
      const parts = { q: text, categories: (categories || []).join(","), sel: chosen };
      if (order) {
        const sort = (order.sort === "desc" ? "-" : "") + order.colId;
        parts.sort = sort === shown.sort ? "" : sort;
      }
      window.history.replaceState(window.history.state, "", addressed(parts));
    },

    reopenLevel: (level, shown) => {
      if (shown && level !== shown.level) reopen({ level: level });
    },

    reopenMeasure: (measure, shown) => {
      if (shown && measure !== shown.measure) reopen({ by: measure });
    },
  };
  window.dash_clientside.crossprof = Object.assign(window.dash_clientside.crossprof || {}, functions);

  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-act='close-operation']")) return;
    const key = event.target.closest(".detail").id.replace("-detail", "");
    const api = window.dash_ag_grid.getApi(key + "-grid");
    if (api) api.deselectAll();
    window.dash_clientside.set_props(key + "-chosen", { data: null });
  });
})();
