/* Functions that grids name in their options. The theme follows Mantine's variables, so dark mode needs no callback. */
var dagfuncs = (window.dashAgGridFunctions = window.dashAgGridFunctions || {});

dagfuncs.gridTheme = (quartz) =>
  quartz.withParams({
    fontFamily: "inherit",
    fontSize: 13,
    rowHeight: 34,
    headerHeight: 34,
    backgroundColor: "var(--surface)",
    foregroundColor: "var(--text)",
    borderColor: "var(--line)",
    headerBackgroundColor: "var(--hover)",
    headerTextColor: "var(--dimmed)",
    rowHoverColor: "var(--hover)",
    selectedRowBackgroundColor: "color-mix(in srgb, var(--accent) 14%, transparent)",
    wrapperBorder: false,
    browserColorScheme: "inherit",
  });
