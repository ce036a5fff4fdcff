"""What the page of a run is made of: what bounds it and what to do, and what is known of it."""
