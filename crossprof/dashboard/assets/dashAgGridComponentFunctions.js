/* Cells with more than text in them. */

/* A name that is cut where the column ends it keeps its last characters too: they tell kernels and runs apart. */
function ends(name) {
  return !name || name.length < 24 ? null : { start: name.slice(0, -10), end: name.slice(-10) };
}

function bothEnds(name) {
  const cut = ends(name);
  const part = (place) => React.createElement("span", { key: place, className: place }, cut[place]);
  return cut ? React.createElement("span", { className: "both-ends" }, Object.keys(cut).map(part)) : name;
}

/* A kernel's name without what hundreds share: the return type, and the namespaces of PyTorch. Python's `theme.bare` does the same. */
function bareName(name) {
  return name && name.replace(/^void /, "").replace(/\(anonymous namespace\)::|at::native::|c10::/g, "");
}

var dagcomponentfuncs = (window.dashAgGridComponentFunctions = window.dashAgGridComponentFunctions || {});

dagcomponentfuncs.RunLink = (props) =>
  React.createElement(
    "a",
    { href: "/run?run=" + encodeURIComponent(props.data.run_id), onClick: followInside, title: props.data.run_id },
    bothEnds(props.value),
  );

dagcomponentfuncs.FrameworkChip = (props) =>
  React.createElement("span", { className: "chip framework-" + props.data.framework_key }, props.value);

dagcomponentfuncs.Verdict = (props) =>
  React.createElement("span", { className: "verdict-" + props.value, title: props.data.verdict_why || "" }, props.value);

dagcomponentfuncs.LongName = (props) =>
  React.createElement("span", { title: props.value }, bothEnds(bareName(props.value)));

dagcomponentfuncs.CategoryChip = (props) =>
  props.value ? React.createElement("span", { className: "chip", style: { "--chip": props.data.color } }, props.value) : null;
