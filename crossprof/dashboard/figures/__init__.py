"""Figures: plain functions from a frame, the lanes of its runs and a theme to a plotly figure. No queries, no state."""
