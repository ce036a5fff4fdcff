"""What the page SQL is made of: an answer as cards, and examples to begin with."""
