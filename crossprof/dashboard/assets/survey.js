/* The page Survey: which rows are open is in the address. */

document.addEventListener(
  "toggle",
  (event) => {
    const row = event.target.dataset && event.target.dataset.row;
    if (!row || !document.contains(event.target)) return;
    const query = new URLSearchParams(window.location.search);
    const open = new Set((query.get("open") || "").split(",").filter(Boolean));
    if (event.target.open) open.add(row);
    else open.delete(row);
    if (open.size) query.set("open", [...open].join(","));
    else query.delete("open");
    const search = query.toString().replaceAll("%2C", ",");
    const address = window.location.pathname + (search ? "?" + search : "") + window.location.hash;
    window.history.replaceState(window.history.state, "", address);
  },
  true // toggle does not bubble
);
