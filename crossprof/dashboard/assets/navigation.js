/* The header and the keyboard: pages are a key away, and the runs that one looks at come along. */

(function () {
  const isTyping = (element) => element.closest("input, textarea, select, [contenteditable='true'], .cm-editor") !== null;
  let pending = false; // after g, the next key names a page

  /* The runs of the page that is shown, as the query of the page to come. */
  function carried() {
    const here = new URLSearchParams(window.location.search);
    const kept = new URLSearchParams();
    const runs = here.get("runs") || here.get("run");
    if (runs) kept.set("runs", runs);
    if (runs && here.get("base")) kept.set("base", here.get("base"));
    const query = kept.toString().replaceAll("%2C", ",");
    return query ? "?" + query : "";
  }

  function refresh(link) {
    link.setAttribute("href", link.dataset.path + (link.dataset.carries ? carried() : ""));
  }

  function navigate(href) {
    openInside(href);
    window.scrollTo(0, 0);
    document.querySelector(".header").classList.remove("is-open");
  }

  ["pointerover", "focusin"].forEach((name) =>
    document.addEventListener(name, (event) => {
      const link = event.target.closest && event.target.closest(".header a[data-path]");
      if (link) refresh(link);
    })
  );

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-act='burger']")) document.querySelector(".header").classList.toggle("is-open");
    if (event.target.closest("[data-act='shortcuts']")) document.getElementById("shortcuts").showModal();
    if (event.target.closest("[data-act='close']")) document.getElementById("shortcuts").close();
    const link = event.target.closest(".header a[data-path]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    refresh(link);
    navigate(link.getAttribute("href"));
  });

  function focusOn(selector) {
    const field = document.querySelector(selector);
    if (field) field.focus();
    return field !== null;
  }

  const keys = {
    "?": () => document.getElementById("shortcuts").showModal(),
    "/": () => focusOn("#filter, [data-search], #run-picker"),
    b: () => {
      const button = document.getElementById("set-baseline");
      if (button && !button.disabled) button.click();
    },
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (pending) {
      pending = false;
      const link = document.querySelector(`.header a[data-key="${CSS.escape(event.key)}"]`);
      if (link) {
        event.preventDefault();
        event.stopImmediatePropagation(); // the page's own keys are not meant
        link.click();
      }
    } else if (event.key === "g") {
      pending = true;
      window.setTimeout(() => (pending = false), 1500);
    } else if (keys[event.key]) {
      event.preventDefault();
      keys[event.key]();
    }
  }, true);
})();
