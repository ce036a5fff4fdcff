/* What lies over the picture and changes without it: pointer, selection, area, mark, arrows from launches to work. */

(function (parts) {
  parts.x = (view, run, at) => ((at - run.origin - view.from) / (view.to - view.from)) * view.width;

  parts.paintOverlay = function (view) {
    const context = view.over;
    context.setTransform(view.ratio, 0, 0, view.ratio, 0, 0);
    context.clearRect(0, 0, view.width, view.height);
    if (view.mark) paintSpan(view, context, view.mark, view.colors.dimmed, 0.07);
    const area = view.dragged || view.area;
    if (area) paintArea(view, context, area);
    if (view.details) paintSelection(view, context, view.details);
    if (view.pointer && !view.dragged) {
      context.fillStyle = view.colors.dimmed;
      context.globalAlpha = 0.5;
      context.fillRect(Math.round(view.pointer.x), parts.RULER, 1, view.height);
      context.globalAlpha = 1;
    }
  };

  function paintSpan(view, context, { from, to }, color, alpha) {
    const scale = view.width / (view.to - view.from);
    const x = (from - view.from) * scale;
    const wide = Math.max(1, (to - from) * scale);
    context.fillStyle = color;
    context.globalAlpha = alpha;
    context.fillRect(x, parts.RULER, wide, view.height);
    context.globalAlpha = 1;
    for (const edge of [x, x + wide]) context.fillRect(Math.round(edge), 4, 1, view.height);
    tag(view, context, parts.duration(to - from), x + wide / 2, color);
  }

  function tag(view, context, text, x, color) {
    context.font = view.font;
    const wide = context.measureText(text).width + 10;
    const left = Math.min(Math.max(0, x - wide / 2), view.width - wide);
    context.fillStyle = color;
    context.fillRect(left, 3, wide, 16);
    context.fillStyle = view.colors.surface;
    context.textBaseline = "middle";
    context.fillText(text, left + 5, 11.5);
  }

  function paintArea(view, context, area) {
    const scale = view.width / (view.to - view.from);
    const x = (area.from - view.from) * scale;
    const wide = Math.max(1, (area.to - area.from) * scale);
    const inside = view.rows.filter((row) => row.lane !== undefined && (area.lanes[row.run.place] || []).includes(row.lane));
    context.fillStyle = view.colors.accent;
    for (const row of inside) {
      context.globalAlpha = 0.16;
      context.fillRect(x, row.y - view.scroll - 1, wide, row.height + 2);
    }
    context.globalAlpha = 0.7;
    for (const edge of [x, x + wide]) context.fillRect(Math.round(edge), parts.RULER, 1, view.height);
    context.globalAlpha = 1;
    tag(view, context, parts.duration(area.to - area.from), x + wide / 2, view.colors.accent);
  }

  function box(view, run, event) {
    const row = parts.nearestRow(view, run, event.lane_id);
    if (!row) return null;
    const x = parts.x(view, run, event.start_ns);
    return { x, y: row.y - view.scroll, wide: Math.max(2, parts.x(view, run, event.finish_ns) - x), high: row.height };
  }

  function paintSelection(view, context, { run, event, flows }) {
    for (const flow of flows) {
      const launch = box(view, run, flow.launch);
      const work = box(view, run, flow.work);
      if (launch && work) arrow(view, context, launch, work);
    }
    const held = box(view, run, event);
    if (!held) return;
    context.strokeStyle = view.colors.text;
    context.lineWidth = 2;
    context.strokeRect(held.x - 1, held.y - 1, held.wide + 2, held.high + 2);
  }

  function arrow(view, context, launch, work) {
    const [x1, x2] = [launch.x + Math.min(launch.wide / 2, 6), work.x];
    const isUp = work.y < launch.y;
    const y1 = isUp ? launch.y : launch.y + launch.high;
    const y2 = isUp ? work.y + work.high : work.y;
    const bend = Math.max(18, Math.abs(y2 - y1) / 2) * (isUp ? -1 : 1);
    context.strokeStyle = context.fillStyle = view.colors.text;
    context.lineWidth = 1.4;
    context.beginPath();
    context.moveTo(x1, y1);
    context.bezierCurveTo(x1, y1 + bend, x2, y2 - bend, x2, y2);
    context.stroke();
    const tip = isUp ? 7 : -7;
    context.beginPath();
    context.moveTo(x2, y2);
    context.lineTo(x2 - 3.5, y2 + tip);
    context.lineTo(x2 + 3.5, y2 + tip);
    context.fill();
  }

  /* What lies under a point of the picture: a slice, else a bin of events too short to be drawn alone. */
  parts.pick = function (view, x, y) {
    const row = parts.rowAt(view, y + view.scroll);
    if (!row || row.lane === undefined || !row.run.data || y < parts.RULER) return null;
    const { start, dur, lane, bin, bin_lane, width } = row.run.data;
    const perPixel = (view.to - view.from) / view.width;
    const at = row.run.origin + view.from + x * perPixel;
    const slack = 2 * perPixel;
    let best = -1;
    for (let i = 0; i < start.length; i++) {
      if (lane[i] !== row.lane || start[i] - slack > at || start[i] + dur[i] + slack < at) continue;
      const isInside = start[i] <= at && start[i] + dur[i] > at;
      if (best < 0 || isInside || Math.abs(start[i] - at) < Math.abs(start[best] - at)) best = i;
      if (isInside) break;
    }
    if (best >= 0) return { row, slice: best };
    for (let i = 0; i < bin.length; i++) {
      if (bin_lane[i] === row.lane && bin[i] * width <= at && (bin[i] + 1) * width > at) return { row, bin: i };
    }
    return null;
  };
})((window.timelineParts = window.timelineParts || {}));
