/* Cells with more than text in them. */

/* A name that is cut where the column ends it keeps its last characters too: they tell kernels and runs apart. */
function bothEnds(name) {
  if (!name || name.length < 24) return name;
  const part = (place, text) => React.createElement("span", { key: place, className: place }, text);
  return React.createElement("span", { className: "both-ends" }, [part("start", name.slice(0, -10)), part("end", name.slice(-10))]);
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

dagcomponentfuncs.LongName = (props) => React.createElement("span", { title: props.value }, bothEnds(props.value));

dagcomponentfuncs.CategoryChip = (props) =>
  props.value ? React.createElement("span", { className: "chip", style: { "--chip": props.data.color } }, props.value) : null;
