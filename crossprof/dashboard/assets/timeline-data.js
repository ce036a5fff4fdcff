/* The timeline's requests, and its binary answer as typed arrays that are read in place. */

(function (parts) {
  const TYPES = { float64: Float64Array, uint32: Uint32Array, uint16: Uint16Array, uint8: Uint8Array };

  /* u32 length of the header, the header in JSON, then the arrays: see timeline/answer.py. */
  parts.decode = function (buffer) {
    const length = new DataView(buffer).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
    for (const [name, [type, offset, count]] of Object.entries(header.arrays)) {
      header[name] = new TYPES[type](buffer, 4 + length + offset, count);
    }
    return header;
  };

  /* The words of the server where it refuses: they are one line and say what to do. */
  async function answered(path, query) {
    const answer = await fetch("/timeline/" + path + "?" + query);
    if (!answer.ok) throw new Error((await answer.text()).trim() || "The server answered " + answer.status + ".");
    return answer;
  }

  parts.json = async (path, query) => (await answered(path, query)).json();
  parts.binary = async (path, query) => parts.decode(await (await answered(path, query)).arrayBuffer());

  /* 0,1,2,3,7 as 0-3,7. */
  parts.ranges = function (numbers) {
    const found = [];
    for (const number of [...new Set(numbers)].sort((a, b) => a - b)) {
      const last = found[found.length - 1];
      if (last && last[1] === number - 1) last[1] = number;
      else found.push([number, number]);
    }
    return found.map(([first, last]) => (first === last ? String(first) : first + "-" + last)).join(",");
  };

  parts.numbers = function (text) {
    return (text || "").split(",").filter(Boolean).flatMap((part) => {
      const [first, last] = part.split("-").map(Number);
      return Array.from({ length: (last === undefined ? first : last) - first + 1 }, (_, at) => first + at);
    });
  };

  /* A duration with its unit: three digits, as the server writes them. */
  parts.duration = function (ns) {
    const size = Math.abs(ns);
    const [unit, divisor] = size >= 1e9 ? ["s", 1e9] : size >= 1e6 ? ["ms", 1e6] : size >= 1e3 ? ["µs", 1e3] : ["ns", 1];
    const value = size / divisor;
    const digits = value === 0 || divisor === 1 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(value)));
    return (ns < 0 ? "−" : "") + value.toFixed(digits) + "\u2009" + unit;
  };

  /* What must be asked anew for a run to be drawn: null while what it holds suffices. */
  parts.missing = function (view, run) {
    const span = view.to - view.from;
    const first = run.origin + view.from;
    const key = parts.ranges(run.lanes) + "|" + [...view.hidden].join(",") + "|" + view.search;
    const held = run.data;
    const perPixel = span / view.width;
    if (held && held.key === key && held.from <= first && held.to >= first + span) {
      const isFine = held.width === null || held.perPixel <= perPixel * 1.6;
      if (isFine && held.perPixel >= perPixel / 8) return null;
    }
    const from = Math.floor(first - span / 2);
    const to = Math.ceil(first + span * 1.5);
    const query = new URLSearchParams({ run: run.id, from, to, px: Math.min(8192, Math.round(view.width * 2)) });
    query.set("lanes", parts.ranges(run.lanes));
    if (view.hidden.size) query.set("hide", [...view.hidden].join(","));
    if (view.search) query.set("search", view.search);
    return { key, query, perPixel };
  };
})((window.timelineParts = window.timelineParts || {}));
