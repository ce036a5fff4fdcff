/* The rows of the picture: runs, ranks, tracks and their lanes from top to bottom, and the labels that fold them. */

(function (parts) {
  const HEIGHTS = { run: 26, rank: 20, step: 18, device: 26, async: 15, range: 15, host: 15, python: 13, counter: 32, rest: 18 };
  const GAP = 5;
  parts.RULER = 24;

  function isOpen(view, key, byDefault) {
    return view.folded.has(key) ? !byDefault : byDefault;
  }

  /* The lane that stands for a folded rank: the busiest stream, else the busiest thread. */
  function summary(tracks) {
    const first = (family) => tracks.find((track) => track.family === family);
    const chosen = first("device") || first("host") || tracks[0];
    return chosen ? { lane: chosen.lanes[0], key: chosen.key } : {};
  }

  function trackRows(view, run, tracks) {
    const rows = [];
    for (const track of tracks) {
      const key = run.place + "/" + track.key;
      const canFold = track.lanes.length > 1;
      const open = canFold && isOpen(view, key, track.is_open);
      (open ? track.lanes : track.lanes.slice(0, 1)).forEach((lane, depth) => {
        const named = { label: track.label, detail: track.detail, key, canFold, open };
        rows.push({ kind: track.family, run, lane, alike: track.key + ":" + depth, ...(depth === 0 ? named : {}) });
      });
      rows[rows.length - 1].gap = GAP;
    }
    return rows;
  }

  function rankRows(view, run, rank) {
    const tracks = run.info.tracks.filter((track) => track.rank === rank);
    const rows = trackRows(view, run, tracks.filter((track) => !track.is_rest));
    for (const counter of run.info.counters.filter((counter) => counter.rank === rank)) {
      const detail = counter.detail + ": at most " + counter.most_text;
      rows.push({ kind: "counter", run, counter, label: counter.label, detail, gap: GAP });
    }
    const rest = tracks.filter((track) => track.is_rest);
    if (rest.length) {
      const key = run.place + "/" + rank + ".rest";
      const open = isOpen(view, key, false);
      rows.push({ kind: "rest", run, label: rest.length + " more threads", key, canFold: true, open });
      if (open) rows.push(...trackRows(view, run, rest));
    }
    return rows;
  }

  parts.layRows = function (view) {
    const rows = [];
    for (const run of view.runs) {
      rows.push({ kind: "run", run, label: run.label, detail: run.label });
      const ranks = [...new Set([...run.info.tracks, ...run.info.counters].map((one) => one.rank))].sort((a, b) => a - b);
      ranks.forEach((rank, place) => {
        if (ranks.length > 1) {
          const key = run.place + "/" + rank;
          const open = isOpen(view, key, place === 0);
          const row = { kind: "rank", run, label: "Rank " + rank, key, canFold: true, open };
          if (!open) {
            const held = summary(run.info.tracks.filter((track) => track.rank === rank));
            rows.push({ ...row, lane: held.lane, alike: held.key + ":0", gap: 3 });
            return;
          }
          rows.push(row);
        }
        rows.push(...rankRows(view, run, rank));
      });
    }
    let y = parts.RULER;
    for (const row of rows) {
      row.y = y;
      row.height = HEIGHTS[row.kind];
      y += row.height + (row.gap || 0);
    }
    view.rows = rows;
    view.total = y + 6;
    const drawn = rows.filter((row) => row.lane !== undefined);
    for (const run of view.runs) run.lanes = drawn.filter((row) => row.run === run).map((row) => row.lane);
  };

  parts.drawLabels = function (view, onFold) {
    const labels = view.rows.filter((row) => row.label).map((row) => {
      const label = document.createElement(row.canFold ? "button" : "div");
      label.className = "timeline-label is-" + row.kind;
      label.style.top = row.y + "px";
      label.style.height = row.height + "px";
      if (row.kind === "run") label.style.setProperty("--chip", row.run.shade);
      label.title = row.detail || row.label;
      if (row.canFold) {
        label.type = "button";
        label.setAttribute("aria-expanded", String(row.open));
        label.addEventListener("click", () => onFold(row));
      }
      label.append(parts.fitted(row.label));
      if (row.counter) {
        const most = document.createElement("small");
        most.textContent = "≤ " + row.counter.most_text;
        label.append(most);
      }
      return label;
    });
    view.labels.replaceChildren(...labels);
    view.labels.style.height = view.total + "px";
  };

  parts.rowAt = (view, y) => view.rows.find((row) => y >= row.y && y < row.y + row.height);

  /* The row of a lane, or of the nearest visible one above it: where an arrow to a folded lane ends. */
  parts.nearestRow = function (view, run, lane) {
    const rows = view.rows.filter((row) => row.run === run && row.lane !== undefined && row.lane <= lane);
    return rows.reduce((best, row) => (!best || row.lane > best.lane ? row : best), null);
  };
})((window.timelineParts = window.timelineParts || {}));
