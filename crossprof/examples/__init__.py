"""The same small Transformer, trained in three frameworks: what `crossprof demo` runs, and where to copy from."""
