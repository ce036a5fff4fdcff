/* Compare and its like: switches, baseline and runs live in the address. */

(function () {
  const search = (query) => {
    const text = query.toString().replaceAll("%2C", ",").replaceAll("%40", "@");
    return text ? "?" + text : "";
  };

  const namesIn = (query) => (query.get("runs") || "").split(",").filter(Boolean);

  /* Another address of the same page, drawn anew. */
  function open(query) {
    openInside(window.location.pathname + search(query));
  }

  function change(edit) {
    const query = new URLSearchParams(window.location.search);
    let names = namesIn(query);
    const base = query.get("base") || names[0];
    if (base && !names.includes(base)) names.unshift(base);
    const chosen = edit(names, base);
    const first = chosen.names.includes(chosen.base) ? chosen.base : chosen.names[0];
    query.set("runs", chosen.names.join(","));
    if (first) query.set("base", first);
    else query.delete("base");
    open(query);
  }

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.crossprof = Object.assign(window.dash_clientside.crossprof || {}, {
    /* The address is replaced: the page need not be drawn again. The first way of a switch is left out. */
    keepToggles: (values, ids, ways) => {
      const query = new URLSearchParams(window.location.search);
      values.forEach((value, place) => {
        if (value === ways[place][0].value) query.delete(ids[place].toggle);
        else query.set(ids[place].toggle, value);
      });
      const address = window.location.pathname + search(query) + window.location.hash;
      window.history.replaceState(window.history.state, "", address);
    },

    addRun: (name) => {
      if (name) change((names, base) => ({ names: names.includes(name) ? names : names.concat(name), base: base || name }));
    },

    /* Of what work is told for: the page is another. */
    tellPer: (unit) => {
      const query = new URLSearchParams(window.location.search);
      if (!unit || unit === (query.get("norm") || "step")) return;
      if (unit === "step") query.delete("norm");
      else query.set("norm", unit);
      open(query);
    },
  });

  const edits = {
    base: (name) => (names) => ({ names, base: name }),
    remove: (name) => (names, base) => ({ names: names.filter((other) => other !== name), base }),
    next: () => (names, base) => ({ names, base: names[(names.indexOf(base) + 1) % names.length] }),
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-edit-runs]");
    if (button) change(edits[button.dataset.editRuns](button.dataset.run));
  });
})();

/* A name of the grid of operations leads to its page; changes are sorted by their size, whichever way they go. */
(window.dashAgGridComponentFunctions = window.dashAgGridComponentFunctions || {}).OperationLink = (props) =>
  React.createElement("a", { href: props.data.href, onClick: followInside, title: props.value }, bothEnds(bareName(props.value)));
(window.dashAgGridFunctions = window.dashAgGridFunctions || {}).byMagnitude = (one, other) => Math.abs(one || 0) - Math.abs(other || 0);
