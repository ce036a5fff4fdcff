/* What runs in the browser alone: colour scheme, document title, and the state that a page keeps in its address. */

function systemScheme() {
  return window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/* Open an address of the application without loading it anew, by the event that dcc.Location listens to. */
function openInside(address) {
  window.history.pushState({}, "", address);
  window.dispatchEvent(new CustomEvent("_dashprivate_pushstate"));
}

/* Follow a link inside the application without loading it anew: what dcc.Link does. */
function followInside(event) {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  openInside(event.currentTarget.href);
  window.scrollTo(0, 0);
}

/* AG Grid reports selected rows; right after loading it holds the ids that the page asked for. */
function selectedIds(selected) {
  return Array.isArray(selected) ? selected.map((row) => row.run_id) : (selected && selected.ids) || [];
}

/* The baseline first, then the other selected runs. */
function compared(selected, base) {
  const ids = selectedIds(selected);
  return base ? [base].concat(ids.filter((id) => id !== base)) : ids;
}

window.dash_clientside = Object.assign({}, window.dash_clientside, {
  crossprof: Object.assign((window.dash_clientside || {}).crossprof || {}, {
    toggleScheme: (clicks, look) => (clicks ? (look === "dark" ? "light" : "dark") : window.dash_clientside.no_update),

    applyScheme: (chosen) => {
      const scheme = chosen || systemScheme();
      return [scheme, scheme];
    },

    showTitle: (page, paths) => {
      if (page) document.title = page.title + " · crossprof";
      return paths.map((path) => (page && page.path === path ? "active" : ""));
    },

    setBaseline: (clicks, selected, base) => {
      const id = selectedIds(selected)[0];
      return id === base ? null : id;
    },

    /* Other runs, the same page: the rest of its state is of the runs that were. */
    pickRuns: (chosen) => {
      const ids = [].concat(chosen || []);
      const here = new URLSearchParams(window.location.search);
      const before = here.get("runs") || here.get("run") || "";
      if (!ids.length || ids.join(",") === before) return;
      const href = window.location.pathname + "?runs=" + ids.map(encodeURIComponent).join(",");
      openInside(href);
    },

    openComparison: (clicks, selected, base) => {
      if (!clicks) return window.dash_clientside.no_update;
      const ids = compared(selected, base);
      const encoded = ids.map(encodeURIComponent).join(",");
      return "/compare?runs=" + encoded + "&base=" + encodeURIComponent(ids[0]);
    },
  }),
});
