"""What the page Memory is made of: who counted, and what is listed."""
