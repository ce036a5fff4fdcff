/* What surrounds the picture: tooltip, legend, details of the selected event, the table of an area. The server words it all. */

(function (parts) {
  function element(tag, text, className) {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  }

  /* A text that keeps its last characters where there is no room for all of it. */
  parts.fitted = function (text, className) {
    const cut = ends(text);
    const made = element("span", cut ? undefined : text, className);
    if (cut) made.append(...Object.keys(cut).map((place) => element("span", cut[place], place)));
    if (cut) made.classList.add("both-ends");
    return made;
  };

  function absent(reason) {
    return element("p", "None, because " + reason, "absent");
  }

  parts.failed = function (error) {
    const told = element("p", "", "failed");
    told.setAttribute("role", "alert");
    told.append(element("strong", "Failed because "), error.message);
    return told;
  };

  function table(columns, rows, className, textColumns, groups = []) {
    const made = element("table", undefined, "plain " + className);
    const head = element("tr");
    if (groups.length) {
      const over = element("tr");
      for (const [label, width] of groups) {
        const cell = element(label ? "th" : "td", label, "number");
        cell.colSpan = width;
        if (label) cell.scope = "colgroup";
        over.append(cell);
      }
      made.createTHead().append(over);
    }
    columns.forEach((column, at) => {
      const cell = element("th", column, at < textColumns ? "" : "number");
      cell.scope = "col";
      head.append(cell);
    });
    made.createTHead().append(head);
    const body = made.createTBody();
    for (const row of rows) {
      const line = element("tr");
      row.forEach((text, at) => line.append(element("td", text, at < textColumns ? "" : "number")));
      body.append(line);
    }
    return made;
  }

  parts.drawLegend = function (view, onToggle) {
    const seen = new Map();
    for (const run of view.runs) {
      for (const category of run.info.categories) if (!category.name.startsWith("step")) seen.set(category.name, category);
    }
    const order = [...seen.values()].sort((a, b) => a.order - b.order);
    view.legend.replaceChildren(...order.map((category) => {
      const button = element("button", category.title, "chip");
      button.type = "button";
      button.style.setProperty("--chip", category.color);
      button.setAttribute("aria-pressed", String(!view.hidden.has(category.name)));
      button.title = "Show or hide " + category.title;
      button.addEventListener("click", () => onToggle(category.name));
      return button;
    }));
  };

  parts.showTip = function (view, picked, x, y) {
    view.tip.hidden = !picked;
    if (!picked) return;
    const { run } = picked.row;
    const data = run.data;
    const lines = [];
    if (picked.slice !== undefined) {
      const i = picked.slice;
      lines.push(data.names[data.name[i]], parts.duration(data.dur[i]) + " · " + run.info.categories[data.category[i]].title);
    } else {
      const i = picked.bin;
      const share = Math.round((data.bin_busy[i] / 255) * 100);
      const calls = data.bin_calls[i] + (data.bin_calls[i] === 1 ? " event starts" : " events start");
      lines.push(calls + " in " + parts.duration(data.width) + ", " + share + " % busy");
      lines.push("mostly " + run.info.categories[data.bin_category[i]].title + "; longest: " + data.names[data.bin_name[i]]);
    }
    view.tip.replaceChildren(element("b", lines[0]), element("div", lines[1], "dimmed"));
    const box = view.tip.getBoundingClientRect();
    view.tip.style.left = Math.max(4, Math.min(x + 14, window.innerWidth - box.width - 8)) + "px";
    view.tip.style.top = (y + 18 + box.height > window.innerHeight ? y - box.height - 10 : y + 18) + "px";
  };

  parts.drawDetails = function (view, held, actions) {
    if (!held) {
      view.panel.replaceChildren(absent("no event is selected: click one."));
      return;
    }
    const name = element("p", held.event.name, "timeline-name mono");
    name.tabIndex = 0;
    const facts = element("table", undefined, "plain facts");
    const body = facts.createTBody();
    for (const [label, text] of held.facts) {
      const row = element("tr");
      const head = element("th", label);
      head.scope = "row";
      row.append(head, element("td", text));
      body.append(row);
    }
    const buttons = element("div", undefined, "timeline-actions");
    for (const [label, action] of actions) {
      const made = element("button", label, "button");
      made.type = "button";
      if (action) made.addEventListener("click", action);
      else made.disabled = true;
      buttons.append(made);
    }
    const link = element("a", "Query in SQL", "button");
    link.href = held.sql;
    buttons.append(link);
    const scroll = element("div", undefined, "scroll");
    scroll.tabIndex = 0;
    scroll.append(table(held.same.columns, held.same.rows, "timeline-same", 1));
    view.panel.replaceChildren(name, buttons, facts, element("h3", "All of this name"), scroll);
  };

  parts.drawTable = function (view, held, onName) {
    if (!held.rows.length) {
      view.table.replaceChildren(absent("nothing of what is shown runs in this stretch of time: zoom out, or press 0."));
      return;
    }
    const made = table(held.columns, held.rows, "timeline-names", held.texts, held.groups);
    for (const cell of held.texts > 1 ? made.querySelectorAll("tbody td:first-child") : []) {
      const button = element("button", undefined, "timeline-find mono");
      button.append(parts.fitted(bareName(cell.textContent)));
      button.type = "button";
      button.title = cell.textContent;
      button.addEventListener("click", () => onName(button.title));
      cell.replaceChildren(button);
    }
    const more = held.left_out ? [element("p", "and " + held.left_out.toLocaleString("en-US") + " more names of less time each", "dimmed")] : [];
    view.table.replaceChildren(made, ...more);
  };
})((window.timelineParts = window.timelineParts || {}));
