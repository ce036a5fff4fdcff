/* The page Metrics: words to search for, and the metric that an address points at. */

(function () {
  let pointedAt = ""; // once: later the reader scrolls

  function keep(text) {
    const query = new URLSearchParams(window.location.search);
    if (text) query.set("q", text);
    else query.delete("q");
    const search = query.toString().replaceAll("%2C", ",");
    const address = window.location.pathname + (search ? "?" + search : "") + window.location.hash;
    window.history.replaceState(window.history.state, "", address);
  }

  function point() {
    const name = decodeURIComponent(window.location.hash.slice(1));
    const metric = name && document.getElementById(name);
    if (!metric || pointedAt === window.location.href) return;
    pointedAt = window.location.href;
    document.querySelectorAll(".definition.is-linked").forEach((one) => one.classList.remove("is-linked"));
    metric.classList.add("is-linked");
    metric.scrollIntoView({ block: "start" });
  }

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.crossprof = Object.assign(window.dash_clientside.crossprof || {}, {
    findMetrics: (text, shown) => {
      if (window.location.pathname !== "/metrics" || !shown) return window.dash_clientside.no_update;
      const count = shown.count;
      const words = (text || "").toLowerCase().split(/\s+/).filter(Boolean);
      let found = 0;
      document.querySelectorAll(".definition-group").forEach((group) => {
        let here = 0;
        group.querySelectorAll(".definition").forEach((one) => {
          one.hidden = !words.every((word) => one.dataset.words.includes(word));
          here += one.hidden ? 0 : 1;
        });
        group.hidden = here === 0;
        found += here;
      });
      document.getElementById("metric-none").hidden = found > 0;
      keep(text);
      point();
      return words.length ? `${found} of ${count} definitions` : `${count} definitions`;
    },
  });
  window.addEventListener("hashchange", () => {
    pointedAt = "";
    point();
  });
})();
