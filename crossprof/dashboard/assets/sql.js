/* The SQL page: the editor (CodeMirror, loaded there alone), the list of views, history, the address, files. */

(function () {
  const HISTORY = "crossprof-sql";
  const MOST_KEPT = 50;
  const DUCKDB = " qualify exclude replace pivot unpivot summarize describe asof positional semi anti columns macro struct map try_cast";
  let view = null; // CodeMirror's, while the page is shown

  const part = (id) => document.getElementById(id);
  const schema = () => JSON.parse(part("sql-schema").dataset.schema);
  const isMounted = () => view !== null && view.dom.isConnected;
  const text = () => (isMounted() ? view.state.doc.toString() : part("sql-text").value);

  function setText(sql) {
    if (isMounted()) {
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: sql }, selection: { anchor: sql.length } });
      view.focus();
    } else {
      window.dash_clientside.set_props("sql-text", { value: sql });
    }
  }

  function insert(name) {
    if (!isMounted()) return setText((part("sql-text").value + " " + name).trim());
    view.dispatch(view.state.replaceSelection(name));
    view.focus();
  }

  function loaded() {
    if (!window.crossprofEditor) {
      window.crossprofEditor = new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = "/assets/vendor/codemirror.js";
        script.onload = () => resolve(window.CodeMirror);
        script.onerror = reject;
        document.head.append(script);
      });
    }
    return window.crossprofEditor;
  }

  /* Views and their columns with what they mean, as completions. */
  function completions() {
    const column = ([name, type, info]) => ({ label: name, type: "property", detail: type.toLowerCase(), info });
    return Object.fromEntries(
      Object.entries(schema()).map(([name, held]) => [
        name,
        { self: { label: name, type: "class", info: held.comment }, children: held.columns.map(column) },
      ])
    );
  }

  /* Columns of the views that the query names, wherever they are typed: CodeMirror's own come after a dot alone. */
  function columnsHere(context) {
    const word = context.matchBefore(/\w+/);
    if (!word && !context.explicit) return null;
    const held = schema();
    const named = new Set(context.state.doc.toString().toLowerCase().match(/\w+/g));
    const options = Object.keys(held)
      .filter((name) => named.has(name))
      .flatMap((name) =>
        held[name].columns.map(([label, type, info]) => ({ label, type: "property", detail: type.toLowerCase(), info, boost: 1 }))
      );
    const known = new Map(options.map((option) => [option.label, option]));
    return { from: word ? word.from : context.pos, options: [...known.values()], validFor: /^\w*$/ };
  }

  function highlighting(editor) {
    const { tags } = editor;
    return editor.syntaxHighlighting(
      editor.HighlightStyle.define([
        { tag: tags.keyword, color: "var(--accent)", fontWeight: "600" },
        { tag: [tags.string, tags.special(tags.string)], color: "var(--better)" },
        { tag: [tags.number, tags.bool, tags.null], color: "var(--sql-number)" },
        { tag: [tags.comment, tags.lineComment, tags.blockComment], color: "var(--dimmed)", fontStyle: "italic" },
        { tag: tags.typeName, color: "var(--accent)" },
      ])
    );
  }

  function mount(editor) {
    const holder = part("sql-editor");
    if (!holder || (view && holder.contains(view.dom))) return;
    const runKey = (key) => ({ key, run: () => (run(), true) });
    const spec = Object.assign({}, editor.PostgreSQL.spec);
    const dialect = editor.SQLDialect.define(Object.assign(spec, { keywords: spec.keywords + DUCKDB }));
    const language = editor.sql({ dialect, schema: completions() });
    view = new editor.EditorView({
      doc: part("sql-text").value,
      parent: holder,
      extensions: [
        editor.Prec.highest(editor.keymap.of([runKey("Mod-Enter"), runKey("Ctrl-Enter")])),
        editor.basicSetup,
        language,
        language.language.data.of({ autocomplete: columnsHere }),
        highlighting(editor),
        editor.placeholder("select ... from a view on the left; Ctrl+Space completes"),
        editor.EditorView.lineWrapping,
        editor.EditorView.contentAttributes.of({ "aria-label": "Query" }),
      ],
    });
    holder.classList.add("is-mounted");
    showHistory();
  }

  /* What the page shows is in its address: the query, and the chart if there is one. */
  function keep(changed) {
    const query = new URLSearchParams(window.location.search);
    for (const [name, value] of Object.entries(changed)) {
      if (value) query.set(name, value);
      else query.delete(name);
    }
    const search = query.toString();
    window.history.replaceState(window.history.state, "", window.location.pathname + (search ? "?" + search : ""));
  }

  function run() {
    const sql = text().trim();
    if (!sql || part("sql-run").disabled) return;
    keep({ q: sql });
    remember(sql);
    window.dash_clientside.set_props("sql-asked", { data: { sql, key: `${Date.now()} ${Math.random()}` } });
  }

  function remembered() {
    try {
      return JSON.parse(window.localStorage.getItem(HISTORY)) || [];
    } catch {
      return [];
    }
  }

  function remember(sql) {
    const kept = [sql].concat(remembered().filter((one) => one !== sql)).slice(0, MOST_KEPT);
    try {
      window.localStorage.setItem(HISTORY, JSON.stringify(kept));
    } catch {
      return; // storage is full or off
    }
    showHistory();
  }

  function showHistory() {
    const field = part("sql-history");
    if (!field) return;
    while (field.options.length > 1) field.remove(1);
    for (const sql of remembered()) {
      const line = sql.replace(/--.*$/gm, " ").replace(/\s+/g, " ").trim();
      field.add(new Option(line.length > 70 ? line.slice(0, 69) + "…" : line, sql));
    }
  }

  function fillColumns(details) {
    const held = schema()[details.dataset.view];
    const list = details.querySelector(".sql-columns");
    if (list.childElementCount) return;
    const make = (tag, className, content, title) =>
      Object.assign(document.createElement(tag), { className, textContent: content, title: title || "" });
    const entry = (name, detail, title) => {
      const button = make("button", "sql-column", name, title);
      button.type = "button";
      button.dataset.insert = name;
      if (detail) button.append(make("span", "dimmed", detail));
      return button;
    };
    list.append(make("p", "dimmed", held.comment));
    list.append(entry("from " + details.dataset.view, "", "Put it into the query"));
    held.columns.forEach(([name, type, meaning]) => list.append(entry(name, type.toLowerCase(), meaning)));
  }

  function find(words) {
    const wanted = words.trim().toLowerCase();
    const held = schema();
    document.querySelectorAll("#sql-schema [data-view]").forEach((details) => {
      const { comment, columns } = held[details.dataset.view];
      const names = [details.dataset.view, comment].concat(columns.map(([name]) => name));
      details.hidden = wanted !== "" && !names.some((name) => name.toLowerCase().includes(wanted));
    });
  }

  const say = (words) => window.dash_clientside.set_props("sql-state", { children: words });

  /* A file by a request of our own, so that a refusal is said here and not saved. */
  function save(link) {
    say("Writing the file …");
    fetch(link.href)
      .then((answer) => (answer.ok ? answer.blob() : answer.text().then((reason) => Promise.reject(reason))))
      .then((content) => {
        const saved = document.createElement("a");
        saved.href = URL.createObjectURL(content);
        saved.download = new URL(link.href).pathname.split("/").pop();
        saved.click();
        window.setTimeout(() => URL.revokeObjectURL(saved.href), 10000);
        say("");
      })
      .catch((reason) => say("No file: " + reason));
  }

  function copyLink() {
    keep({ q: text().trim() });
    navigator.clipboard.writeText(window.location.href).then(
      () => say("Link copied"),
      () => window.prompt("Copy this:", window.location.href)
    );
  }

  document.addEventListener("click", (event) => {
    const target = event.target.closest("[data-act='sql-run'], [data-act='sql-link'], [data-insert], .sql-file");
    if (!target) return;
    if (target.dataset.act === "sql-run") run();
    else if (target.dataset.act === "sql-link") copyLink();
    else if (target.dataset.insert) insert(target.dataset.insert);
    else {
      event.preventDefault();
      save(target);
    }
  });
  document.addEventListener("change", (event) => {
    if (!event.target.matches || !event.target.matches(".sql-choice") || !event.target.value) return;
    setText(event.target.value);
    event.target.selectedIndex = 0;
  });
  document.addEventListener("toggle", (event) => event.target.dataset.view && event.target.open && fillColumns(event.target), true);
  document.addEventListener("input", (event) => event.target.id === "sql-find" && find(event.target.value));
  document.addEventListener("keydown", (event) => {
    if (event.target.id === "sql-text" && event.key === "Enter" && (event.ctrlKey || event.metaKey)) run();
  });

  window.dash_clientside.crossprof = Object.assign(window.dash_clientside.crossprof || {}, {
    /* The plain field is there at once; without the script it stays. */
    mountEditor: () => {
      loaded().then(mount, () => say("The editor does not load: this is a plain field."));
      return "group";
    },

    keepChart: (kind, x, y, colour) => {
      const drawn = kind && kind !== "none";
      keep(drawn ? { kind, x, y, colour } : { kind: "", x: "", y: "", colour: "" });
      return { kind, x, y, colour };
    },
  });

  const grids = (window.dashAgGridFunctions = window.dashAgGridFunctions || {});

  grids.compareNumbers = (one, other) => {
    if (one === null || other === null) return (other === null) - (one === null);
    return Number(one) - Number(other) || 0;
  };

  /* Whole numbers as they are; of others as many digits as one reads. The whole is in the tooltip. */
  grids.sqlText = (value, kind) => {
    if (value === null || value === undefined) return "NULL";
    if (kind !== "number" || value.length < 10 || !/[.e]/.test(value)) return value;
    return String(Number(Number(value).toPrecision(7)));
  };
})();
