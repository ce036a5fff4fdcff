/* The strip over the picture: the first device of each run from its first event to its last, and the window in it. The strip is
   painted once; a move of the window only moves a box over it. */

(function (parts) {
  const HIGH = 14;
  const MOST_LANES = 16;

  const ends = (view) => ({
    from: Math.min(...view.runs.map((run) => -run.origin)),
    to: Math.max(...view.runs.map((run) => run.info.span - run.origin)),
  });

  /* The lanes that stand for a run: of its first device, else of its first thread. */
  function standing(run) {
    const tracks = run.info.tracks.filter((track) => track.lanes.length);
    const track = tracks.find((one) => one.family === "device") || tracks[0];
    return track ? track.lanes.slice(0, MOST_LANES) : [];
  }

  async function ask(view, run) {
    const lanes = standing(run);
    if (!lanes.length) return;
    const query = new URLSearchParams({ run: run.id, from: 0, to: Math.max(1, run.info.span), px: Math.round(view.width) });
    query.set("lanes", parts.ranges(lanes));
    try {
      run.whole = await parts.binary("slices", query);
    } catch {
      return; // the picture below says what is the matter
    }
    if (view === parts.current()) parts.paintMap(view);
  }

  parts.paintMap = function (view) {
    const strip = parts.element("map-canvas");
    const gutter = view.labels.offsetWidth;
    const high = HIGH * view.runs.length;
    Object.assign(parts.element("map").style, { marginLeft: gutter + "px", width: view.width + "px", height: high + "px" });
    strip.width = Math.round(view.width * view.ratio);
    strip.height = Math.round(high * view.ratio);
    const context = strip.getContext("2d", { alpha: false });
    context.setTransform(view.ratio, 0, 0, view.ratio, 0, 0);
    context.fillStyle = view.colors.hover;
    context.fillRect(0, 0, view.width, high);
    const { from, to } = ends(view);
    const scale = view.width / (to - from);
    view.runs.forEach((run, place) => run.whole && paintRun(run, context, (place + 1) * HIGH - 1, scale, from));
    parts.moveMap(view);
  };

  /* A column is as high as the busiest of the lanes, in the colour of what keeps it busy. */
  function paintRun(run, context, bottom, scale, from) {
    const { start, dur, category, bin, bin_category, bin_busy, width } = run.whole;
    const at = (time) => (time - run.origin - from) * scale;
    const column = (time, long, sort, share) => {
      context.fillStyle = run.fills[sort];
      context.fillRect(at(time), bottom - (HIGH - 3) * share, Math.max(long * scale, 0.5), (HIGH - 3) * share);
    };
    for (let i = 0; i < bin.length; i++) column(bin[i] * width, width, bin_category[i], bin_busy[i] / 255);
    for (let i = 0; i < start.length; i++) column(start[i], dur[i], category[i], 1);
  }

  parts.moveMap = function (view) {
    const { from, to } = ends(view);
    const share = (time) => Math.max(0, Math.min(1, (time - from) / (to - from)));
    const box = parts.element("map-window").style;
    box.left = 100 * share(view.from) + "%";
    box.width = "max(3px, " + 100 * (share(view.to) - share(view.from)) + "%)";
  };

  /* Pressing beside the window brings it there; from then on it goes with the pointer. */
  parts.listenToMap = function (view) {
    const strip = parts.element("map");
    const on = (type, handler) => parts.on(view, strip, type, handler);
    let grasp = null;
    const time = (event) => {
      const box = strip.getBoundingClientRect();
      const { from, to } = ends(view);
      return from + ((event.clientX - box.left) / box.width) * (to - from);
    };
    const move = (event) => {
      const from = time(event) - grasp;
      Object.assign(view, { from, to: from + view.to - view.from });
      parts.changed(view);
    };
    on("pointerdown", (event) => {
      if (!view.isReady || event.button) return;
      strip.setPointerCapture(event.pointerId);
      const at = time(event);
      grasp = at >= view.from && at <= view.to ? at - view.from : (view.to - view.from) / 2;
      move(event);
    });
    on("pointermove", (event) => grasp !== null && move(event));
    for (const type of ["pointerup", "pointercancel"]) on(type, () => (grasp = null));
  };

  parts.loadMap = (view) => view.runs.forEach((run) => ask(view, run));
})((window.timelineParts = window.timelineParts || {}));
