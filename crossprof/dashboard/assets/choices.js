/* Fields that choose what a page shows: another choice is another address of the same page. */

document.addEventListener("change", (event) => {
  const name = event.target.dataset && event.target.dataset.state;
  if (!name) return;
  const query = new URLSearchParams(window.location.search);
  if (event.target.value) query.set(name, event.target.value);
  else query.delete(name);
  const search = query.toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
  openInside(window.location.pathname + (search ? "?" + search : ""));
});
