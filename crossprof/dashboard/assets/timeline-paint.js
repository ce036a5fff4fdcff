/* The picture: ruler, rows, bins, slices, counters. Drawn anew on every move, so nothing here asks or measures the page. */

(function (parts) {
  const NO_ROW = -1e9;
  const MOST_TEXTS = 500;

  function readable(color) {
    const [red, green, blue] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
    return 0.299 * red + 0.587 * green + 0.114 * blue > 140 ? "#14171a" : "#ffffff";
  }

  function mixed(color, ground, share) {
    const part = (text, at) => parseInt(text.slice(at, at + 2), 16);
    const mix = (at) => Math.round(part(color, at) * share + part(ground, at) * (1 - share));
    return "rgb(" + [1, 3, 5].map(mix).join(",") + ")";
  }

  parts.palette = function (view) {
    const style = getComputedStyle(document.documentElement);
    const read = (name) => style.getPropertyValue(name).trim();
    const names = ["text", "dimmed", "line", "surface", "hover", "accent"];
    view.colors = Object.fromEntries(names.map((name) => [name, read("--" + name)]));
    for (const run of view.runs) {
      run.fills = run.info.categories.map((category) => category.color);
      run.faded = run.fills.map((color) => mixed(color, view.colors.surface, 0.25));
      run.inks = run.fills.map(readable);
      run.shown = read(run.shade.slice(4, -1)) || view.colors.accent;
    }
  };

  /* Where each lane of a run lies, in arrays that the loops over events read. */
  function places(view, run) {
    const most = Math.max(0, ...run.lanes) + 1;
    const tops = new Float32Array(most).fill(NO_ROW);
    const heights = new Float32Array(most);
    for (const row of view.rows) {
      if (row.run !== run || row.lane === undefined) continue;
      const y = row.y - view.scroll;
      if (y + row.height < parts.RULER || y > view.height) continue;
      tops[row.lane] = y;
      heights[row.lane] = row.height;
    }
    return { tops, heights };
  }

  parts.paint = function (view) {
    const began = performance.now();
    const context = view.context;
    context.setTransform(view.ratio, 0, 0, view.ratio, 0, 0);
    context.fillStyle = view.colors.surface;
    context.fillRect(0, 0, view.width, view.height);
    paintRows(view, context);
    for (const run of view.runs) {
      if (!run.data) continue;
      const { tops, heights } = places(view, run);
      paintBins(view, run, context, tops, heights);
      paintSlices(view, run, context, tops, heights);
      if (run.data.hit_bin) paintHits(view, run, context, tops, heights);
      paintCounters(view, run, context);
    }
    paintRuler(view, context);
    view.paintTimes.push(performance.now() - began);
    if (view.paintTimes.length > 500) view.paintTimes.shift();
  };

  function paintRows(view, context) {
    const scale = view.width / (view.to - view.from);
    for (const row of view.rows) {
      const y = row.y - view.scroll;
      if (y > view.height || y + row.height < 0) continue;
      if (row.kind === "run") {
        context.fillStyle = view.colors.hover;
        context.fillRect(0, y, view.width, row.height);
      } else if (row.label && row.kind !== "rest") {
        context.fillStyle = view.colors.line;
        context.fillRect(0, y + row.height + 2, view.width, 0.5);
      }
    }
    context.fillStyle = view.colors.line;
    for (const run of view.runs) {
      const rows = view.rows.filter((row) => row.run === run);
      const top = Math.max(parts.RULER, rows[0].y + rows[0].height - view.scroll);
      const bottom = rows[rows.length - 1].y + rows[rows.length - 1].height - view.scroll;
      for (const [, start, dur] of run.info.steps) {
        if (dur * scale < 8) break;
        const x = Math.round((start - run.origin - view.from) * scale);
        if (x >= 0 && x <= view.width) context.fillRect(x, top, 1, bottom - top);
      }
    }
  }

  /* A bin is as high as it is busy, so that a lane with little work looks idle from any distance. */
  function paintBins(view, run, context, tops, heights) {
    const { bin, bin_lane, bin_category, bin_busy, width } = run.data;
    if (!bin.length) return;
    const scale = view.width / (view.to - view.from);
    const shift = run.origin + view.from;
    const wide = Math.max(width * scale, 0.5);
    const fills = view.search ? run.faded : run.fills;
    let last = -1;
    for (let i = 0; i < bin.length; i++) {
      const top = tops[bin_lane[i]];
      if (!(top > NO_ROW)) continue;
      const x = (bin[i] * width - shift) * scale;
      if (x + wide < 0 || x > view.width) continue;
      if (bin_category[i] !== last) context.fillStyle = fills[(last = bin_category[i])];
      const height = heights[bin_lane[i]];
      const high = Math.max(1, (bin_busy[i] / 255) * height);
      context.fillRect(x, top + height - high, wide, high);
    }
  }

  function paintSlices(view, run, context, tops, heights) {
    const { start, dur, lane, category, name, names } = run.data;
    const scale = view.width / (view.to - view.from);
    const shift = run.origin + view.from;
    const matching = view.search ? new Set(run.data.hit_names) : null;
    const texts = [];
    let last = "";
    for (let i = 0; i < start.length; i++) {
      const top = tops[lane[i]];
      if (!(top > NO_ROW)) continue;
      let x = (start[i] - shift) * scale;
      let wide = dur[i] * scale;
      if (x + wide < 0 || x > view.width) continue;
      if (x < -1) { wide += x + 1; x = -1; }
      if (x + wide > view.width + 1) wide = view.width + 1 - x;
      const isFaded = matching !== null && !matching.has(name[i]);
      const fill = (isFaded ? run.faded : run.fills)[category[i]];
      if (fill !== last) context.fillStyle = last = fill;
      context.fillRect(x, top, wide > 3 ? wide - 0.6 : Math.max(wide, 0.2), heights[lane[i]]);
      if (wide > 26 && texts.length < MOST_TEXTS) texts.push([i, x, wide, top, isFaded]);
    }
    context.font = view.font;
    context.textBaseline = "middle";
    for (const [i, x, wide, top, isFaded] of texts) {
      const room = Math.floor((wide - 8) / 6);
      const text = parts.shortName(names[name[i]] || "", room);
      if (!text) continue;
      context.fillStyle = isFaded ? view.colors.dimmed : run.inks[category[i]];
      context.fillText(text, x + 4, top + heights[lane[i]] / 2 + 0.5, wide - 6);
    }
  }

  /* A kernel by what tells it apart: without return type, parameters and, where there is no room, template arguments. */
  parts.shortName = function (name, room) {
    if (name.length <= room) return name;
    const start = /^((void|static|__global__) )*((at|c10)::(native::)?)?/;
    const bare = name.replace(/\(anonymous namespace\)::/g, "").replace(start, "");
    const short = bare.length <= room ? bare : bare.replace(/[<(].*$/, "");
    if (short.length <= room) return short;
    return room >= 4 ? short.slice(0, room - 1) + "…" : "";
  };

  function paintHits(view, run, context, tops, heights) {
    const { hit_bin, hit_lane, hit_width } = run.data;
    const scale = view.width / (view.to - view.from);
    context.fillStyle = view.colors.accent;
    for (let i = 0; i < hit_bin.length; i++) {
      const top = tops[hit_lane[i]];
      if (!(top > NO_ROW)) continue;
      const x = (hit_bin[i] * hit_width - run.origin - view.from) * scale;
      if (x < -2 || x > view.width) continue;
      context.fillRect(x, top + heights[hit_lane[i]] - 1, Math.max(hit_width * scale, 2), 3);
    }
  }

  function paintCounters(view, run, context) {
    const { at, highest, last, counter, counter_width } = run.data;
    const scale = view.width / (view.to - view.from);
    for (const row of view.rows) {
      if (row.kind !== "counter" || row.run !== run) continue;
      const top = row.y - view.scroll;
      if (top > view.height || top + row.height < parts.RULER || !row.counter.most) continue;
      const high = (value) => top + row.height - (Math.max(value, 0) / row.counter.most) * (row.height - 3);
      const path = new Path2D();
      let level = null;
      let x = 0;
      for (let i = 0; i < at.length; i++) {
        if (counter[i] !== row.counter.id) continue;
        x = Math.max(0, (at[i] * counter_width - run.origin - view.from) * scale);
        if (level === null) path.moveTo(x, top + row.height);
        else path.lineTo(x, high(level));
        path.lineTo(x, high(highest[i]));
        x += counter_width * scale;
        path.lineTo(x, high(highest[i]));
        level = last[i];
        path.lineTo(x, high(level));
      }
      if (level === null) continue;
      x = Math.max(x, Math.min(view.width, (run.info.span - run.origin - view.from) * scale));
      path.lineTo(x, high(level));
      path.lineTo(x, top + row.height);
      context.fillStyle = run.shown;
      context.globalAlpha = 0.45;
      context.fill(path);
      context.globalAlpha = 1;
    }
  }

  function paintRuler(view, context) {
    context.fillStyle = view.colors.surface;
    context.fillRect(0, 0, view.width, parts.RULER);
    context.fillStyle = view.colors.line;
    context.fillRect(0, parts.RULER - 1, view.width, 1);
    const span = view.to - view.from;
    const wanted = (span / view.width) * 110;
    const power = 10 ** Math.floor(Math.log10(wanted));
    const step = Math.max(1, power * [1, 2, 5, 10].find((factor) => power * factor >= wanted));
    const [unit, divisor] = span >= 2e9 ? ["s", 1e9] : span >= 2e6 ? ["ms", 1e6] : span >= 2e3 ? ["µs", 1e3] : ["ns", 1];
    const digits = Math.max(0, -Math.floor(Math.log10(step / divisor) + 1e-9));
    context.font = view.font;
    context.textBaseline = "middle";
    for (let at = Math.ceil(view.from / step) * step; at <= view.to; at += step) {
      const x = ((at - view.from) / span) * view.width;
      context.fillStyle = view.colors.dimmed;
      context.fillRect(Math.round(x), parts.RULER - 6, 1, 5);
      const value = (Math.abs(at) / divisor).toFixed(digits);
      const text = (at < -step / 2 ? "−" : "") + value + "\u2009" + unit;
      if (x + 60 < view.width) context.fillText(text, x + 4, parts.RULER / 2 - 1);
    }
  }
})((window.timelineParts = window.timelineParts || {}));
