/* The state of the timeline in the address, so that a link shows what its sender sees. Times are ns from the alignment. */

(function (parts) {
  const SPAN = /^(-?\d+)-(-?\d+)/;

  function span(text) {
    const found = SPAN.exec(text || "");
    return found && Number(found[2]) > Number(found[1]) ? { from: Number(found[1]), to: Number(found[2]) } : null;
  }

  const written = (held) => Math.round(held.from) + "-" + Math.round(held.to);

  parts.readAddress = function (search) {
    const query = new URLSearchParams(search);
    const list = (name) => (query.get(name) || "").split(",").filter(Boolean);
    const area = span(query.get("area"));
    if (area) area.lanes = (query.get("area").split("@")[1] || "").split("/").map(parts.numbers);
    const event = (query.get("sel") || "").split(".").map(Number);
    return {
      window: span(query.get("t")),
      align: ["start", "clock"].includes(query.get("align")) ? query.get("align") : "step",
      step: Math.max(0, Number(query.get("step")) || 0),
      by: query.get("by") === "category" ? "category" : "name",
      search: query.get("search") || "",
      hidden: new Set(list("hide")),
      folded: new Set(list("fold")),
      mark: span(query.get("mark")),
      area,
      selected: event.length === 4 && event.every(Number.isInteger) ? event : null,
    };
  };

  parts.writeAddress = function (view) {
    const query = new URLSearchParams();
    query.set("runs", view.runs.map((run) => run.id).join(","));
    query.set("t", written(view));
    if (view.align !== "step") query.set("align", view.align);
    if (view.step) query.set("step", view.step);
    if (view.by !== "name") query.set("by", view.by);
    if (view.search) query.set("search", view.search);
    if (view.hidden.size) query.set("hide", [...view.hidden].join(","));
    if (view.folded.size) query.set("fold", [...view.folded].join(","));
    if (view.mark) query.set("mark", written(view.mark));
    if (view.area) query.set("area", written(view.area) + "@" + view.area.lanes.map(parts.ranges).join("/"));
    if (view.selected) query.set("sel", view.selected.join("."));
    const search = query.toString().replaceAll("%2C", ",").replaceAll("%40", "@").replaceAll("%2F", "/");
    if ("?" + search !== window.location.search) {
      window.history.replaceState(window.history.state, "", window.location.pathname + "?" + search);
    }
  };
})((window.timelineParts = window.timelineParts || {}));
