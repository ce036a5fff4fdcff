/* What one may take from a card: its link, its query, a picture; and another try at a figure that failed. */

(function () {
  const closeMenus = (but) =>
    document.querySelectorAll("details.card-menu[open]").forEach((menu) => menu !== but && menu.removeAttribute("open"));

  /* Say on the button itself that it worked, and then what it was for. */
  function told(button, text) {
    const before = button.dataset.says || button.textContent;
    button.dataset.says = before;
    button.textContent = text;
    window.setTimeout(() => {
      button.textContent = before;
      closeMenus();
    }, 1200);
  }

  function copy(button, text) {
    navigator.clipboard.writeText(text).then(
      () => told(button, "Copied"),
      () => window.prompt("Copy this:", text)
    );
  }

  function linkTo(card) {
    const address = new URL(window.location.href);
    address.hash = card.id;
    return address.href;
  }

  /* The font as a data address: a picture can't load it, and the library's own way sets a base address, which the policy forbids. */
  const font = () =>
    fetch("/assets/inter.woff2")
      .then((answer) => answer.blob())
      .then(
        (blob) =>
          new Promise((done) => {
            const reader = new FileReader();
            reader.onload = () => done(`@font-face { font-family: "Inter"; font-weight: 100 900; src: url(${reader.result}); }`);
            reader.readAsDataURL(blob);
          })
      );

  /* The card as one sees it, menu apart, on the ground of the page. */
  function picture(button, card) {
    const style = window.getComputedStyle(card);
    const isMenu = (node) => node.classList && node.classList.contains("card-menu");
    const options = { pixelRatio: 2, backgroundColor: style.backgroundColor, filter: (node) => !isMenu(node) };
    font()
      .then((fontEmbedCSS) => window.htmlToImage.toPng(card, { ...options, fontEmbedCSS }))
      .then((url) => {
        const link = document.createElement("a");
        link.href = url;
        link.download = (document.title.split(" · ")[0] + "-" + card.id).toLowerCase() + ".png";
        link.click();
        told(button, "Saved");
      })
      .catch((error) => told(button, "Failed: " + error));
  }

  const actions = {
    link: (button, card) => copy(button, linkTo(card)),
    sql: (button) => copy(button, button.closest("[data-sql]").dataset.sql),
    command: (button, card) => copy(button, card.dataset.command),
    png: picture,
  };

  document.addEventListener("click", (event) => {
    closeMenus(event.target.closest("details.card-menu"));
    const button = event.target.closest("[data-act]");
    if (button && actions[button.dataset.act]) actions[button.dataset.act](button, button.closest(".card"));
    const again = event.target.closest("[data-retry-name]");
    if (again) {
      const id = { page: again.dataset.retryPage, retry: again.dataset.retryName };
      window.dash_clientside.set_props(id, { data: Date.now() });
    }
  });
  document.addEventListener("keydown", (event) => event.key === "Escape" && closeMenus());

  /* A link to a card: it comes with the page's first answer, so wait for it. */
  function showLinked() {
    const name = decodeURIComponent(window.location.hash.slice(1));
    const watch = new MutationObserver(show);
    function show() {
      const card = document.getElementById(name);
      if (!card) return;
      watch.disconnect();
      document.querySelectorAll(".is-linked").forEach((former) => former.classList.remove("is-linked"));
      card.classList.add("is-linked");
      card.scrollIntoView({ block: "start" });
    }
    if (!name) return;
    watch.observe(document, { childList: true, subtree: true });
    show();
  }
  window.addEventListener("hashchange", showLinked);
  showLinked();
})();
