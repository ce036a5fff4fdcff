/* What pointer and keys can do to a view. */

(function (parts) {
  function selectedSpan(view) {
    if (view.area) return view.area;
    if (!view.details) return null;
    const { run, event } = view.details;
    return { from: event.start_ns - run.origin, to: Math.max(event.finish_ns, event.start_ns + 1) - run.origin };
  }

  function show(view, from, to) {
    Object.assign(view, { from, to });
    parts.changed(view);
  }

  /* The stretch and the lanes between two points; of each run the lanes like them, so that one drag compares both. */
  function areaOf(view, first, last) {
    const scale = (view.to - view.from) / view.width;
    const [left, right] = [Math.min(first.x, last.x), Math.max(first.x, last.x)];
    const [top, bottom] = [Math.min(first.y, last.y) + view.scroll, Math.max(first.y, last.y) + view.scroll];
    const rows = view.rows.filter((row) => row.lane !== undefined);
    const alike = new Set(rows.filter((row) => row.y < bottom && row.y + row.height > top).map((row) => row.alike));
    const lanes = view.runs.map((run) => rows.filter((row) => row.run === run && alike.has(row.alike)).map((row) => row.lane));
    return { from: view.from + left * scale, to: view.from + right * scale, lanes };
  }

  /* An event is selected; a bin, which is many, becomes an area, whose table names them. */
  function choose(view, { row, slice, bin }) {
    const { run, lane } = row;
    const data = run.data;
    if (slice !== undefined) {
      const track = run.info.tracks.find((one) => one.lanes.includes(lane));
      parts.select(view, [run.place, data.kind[slice], track.rank, data.id[slice]], { moves: false });
      return;
    }
    const from = data.bin[bin] * data.width - run.origin;
    view.area = { from, to: from + data.width, lanes: view.runs.map((one) => (one === run ? [lane] : [])) };
    parts.changed(view);
  }

  parts.actions = (view) => ({
    zoom(factor, at = view.pointer ? view.pointer.x / view.width : 0.5) {
      const span = view.to - view.from;
      const whole = Math.max(...view.runs.map((run) => run.info.span + Math.abs(run.origin)));
      const wanted = Math.min(Math.max(span * factor, parts.LEAST_SPAN), 4 * Math.max(whole, parts.LEAST_SPAN));
      const middle = view.from + span * at;
      show(view, middle - wanted * at, middle + wanted * (1 - at));
    },
    pan(share) {
      const by = (view.to - view.from) * share;
      show(view, view.from + by, view.to + by);
    },
    home() {
      const { from, to } = parts.opening(view);
      show(view, from, to);
    },
    focus() {
      const span = selectedSpan(view);
      if (!span) return;
      const margin = Math.max((span.to - span.from) * 0.15, parts.LEAST_SPAN);
      show(view, span.from - margin, span.to + margin);
    },
    mark() {
      const span = selectedSpan(view);
      const isSame = span && view.mark && view.mark.from === span.from && view.mark.to === span.to;
      view.mark = span && !isSame ? { from: span.from, to: span.to } : null;
      parts.changed(view);
    },
    startSearch() {
      parts.element("search").focus();
      parts.element("search").select();
    },
    next(direction) {
      if (view.search) parts.next(view, direction);
      else this.startSearch();
    },
    /* Another step becomes the zero of both runs; under another alignment it is gone to. */
    step(by) {
      view.step = Math.min(Math.max(view.step + by, 0), view.mostSteps);
      parts.align(view);
      const { steps } = view.runs[0].info;
      if (view.align !== "step" && steps.length) {
        const [, start, dur] = steps[Math.min(view.step, steps.length - 1)];
        Object.assign(view, { from: start - view.runs[0].origin, to: start + dur - view.runs[0].origin });
      }
      parts.changed(view);
    },
    clear() {
      Object.assign(view, { area: null, selected: null, details: null });
      parts.drawDetails(view, null);
      parts.changed(view);
    },
    hover(at, pageX, pageY) {
      view.pointer = at;
      parts.showTip(view, at && parts.pick(view, at.x, at.y), pageX, pageY);
      parts.drawOver(view);
    },
    drag(first, last) {
      view.dragged = areaOf(view, first, last);
      view.tip.hidden = true;
      parts.drawOver(view);
    },
    drop(isArea) {
      if (isArea && view.dragged) view.area = view.dragged;
      view.dragged = null;
      parts.changed(view);
    },
    click(at) {
      const picked = parts.pick(view, at.x, at.y);
      if (picked) choose(view, picked);
      else this.clear();
    },
    scrolled() {
      view.scroll = view.scroller.scrollTop;
      parts.draw(view);
    },
  });
})((window.timelineParts = window.timelineParts || {}));
