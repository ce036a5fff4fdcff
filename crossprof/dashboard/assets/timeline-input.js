/* Pointer, wheel, fingers and keys, each turned into one of the view's actions. */

(function (parts) {
  const LEAST_DRAG = 4;

  /* Until the view ends: another one may take over the same page. */
  parts.on = (view, target, type, handler, options) => target.addEventListener(type, handler, { ...options, signal: view.ending.signal });

  parts.listen = function (view, act) {
    const target = view.overlay;
    const on = (type, handler, options) => parts.on(view, target, type, handler, options);
    const fingers = new Map();
    let pressed = null;
    const place = (event) => {
      const box = target.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top };
    };

    on("wheel", (event) => {
      event.preventDefault();
      const amount = event.deltaY || event.deltaX;
      if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) act.pan((event.deltaX || event.deltaY) / view.width);
      else act.zoom(Math.exp(Math.max(-1, Math.min(1, amount / 300))), place(event).x / view.width);
    }, { passive: false });

    on("pointerdown", (event) => {
      if (event.button > 1) return;
      target.setPointerCapture(event.pointerId);
      const at = place(event);
      fingers.set(event.pointerId, at);
      const pans = event.pointerType === "touch" || event.shiftKey || event.button === 1 || at.y < parts.RULER;
      pressed = { ...at, last: at, pans, moved: false };
    });

    on("pointermove", (event) => {
      const at = place(event);
      if (fingers.size === 2 && fingers.has(event.pointerId)) return pinch(event.pointerId, at);
      if (!pressed) return act.hover(at, event.clientX, event.clientY);
      if (Math.hypot(at.x - pressed.x, at.y - pressed.y) >= LEAST_DRAG) pressed.moved = true;
      if (!pressed.moved) return;
      if (pressed.pans) act.pan((pressed.last.x - at.x) / view.width);
      else act.drag(pressed, at);
      pressed.last = at;
      if (fingers.has(event.pointerId)) fingers.set(event.pointerId, at);
    });

    function pinch(id, at) {
      const other = [...fingers].find(([key]) => key !== id)[1];
      const before = Math.max(20, Math.abs(fingers.get(id).x - other.x));
      const after = Math.max(20, Math.abs(at.x - other.x));
      act.zoom(before / after, (at.x + other.x) / 2 / view.width);
      fingers.set(id, at);
      if (pressed) pressed.moved = pressed.pans = true;
    }

    const release = (event) => {
      fingers.delete(event.pointerId);
      if (!pressed || fingers.size) return;
      const { moved, pans } = pressed;
      const at = place(event);
      pressed = null;
      if (event.type === "pointercancel") return act.drop(false);
      if (moved) act.drop(!pans);
      else act.click(at);
    };
    on("pointerup", release);
    on("pointercancel", release);
    on("pointerleave", () => act.hover(null));
    on("dblclick", (event) => act.zoom(0.25, place(event).x / view.width));
    parts.on(view, view.scroller, "scroll", () => act.scrolled());
  };

  /* Keys work anywhere on the page but in a field; what has a modifier is the browser's. */
  parts.keys = (act) => ({
    w: () => act.zoom(0.6), s: () => act.zoom(1 / 0.6), a: () => act.pan(-0.2), d: () => act.pan(0.2),
    0: () => act.home(), f: () => act.focus(), m: () => act.mark(), "/": () => act.startSearch(),
    n: () => act.next(1), N: () => act.next(-1), "[": () => act.step(-1), "]": () => act.step(1), Escape: () => act.clear(),
  });

  parts.onKey = function (act, event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest && event.target.closest("input, textarea, select, [contenteditable]")) return;
    const keys = parts.keys(act);
    const action = keys[event.key] || keys[event.key.toLowerCase()];
    if (!action) return;
    event.preventDefault();
    action();
  };
})((window.timelineParts = window.timelineParts || {}));
