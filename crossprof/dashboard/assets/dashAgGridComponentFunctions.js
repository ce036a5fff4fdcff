/* Cells with more than text in them. */
var dagcomponentfuncs = (window.dashAgGridComponentFunctions = window.dashAgGridComponentFunctions || {});

dagcomponentfuncs.RunLink = (props) =>
  React.createElement(
    "a",
    { href: "/run?run=" + encodeURIComponent(props.data.run_id), onClick: followInside, title: props.data.run_id },
    props.value,
  );

dagcomponentfuncs.FrameworkChip = (props) =>
  React.createElement("span", { className: "chip framework-" + props.data.framework_key }, props.value);

dagcomponentfuncs.Verdict = (props) =>
  React.createElement("span", { className: "verdict-" + props.value, title: props.data.verdict_why || "" }, props.value);

/* A long name keeps its beginning and its end; the whole is in the tooltip. */
dagcomponentfuncs.LongName = (props) => {
  const name = props.value || "";
  const shown = name.length > 96 ? name.slice(0, 62) + "…" + name.slice(-32) : name;
  return React.createElement("span", { title: name }, shown);
};
