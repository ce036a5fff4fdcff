"""What the page Runs is made of: its table, what a user changes in it, and the trend of a metric."""
