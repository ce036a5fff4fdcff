"""What the page Compare is made of: the bar of its runs, verdicts, waterfalls, operations side by side, circumstances."""
