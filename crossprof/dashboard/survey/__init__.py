"""The survey's report as it is drawn, in the dashboard and as one file: what both share draws by a `Draw`.

No Dash here but in `component`: a command writes the file without it.
"""
