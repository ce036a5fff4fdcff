"""A text as SQL writes it, where no parameter can stand: the path of a COPY, a type, a statement that people are shown."""

__all__ = ["literal"]


def literal(text: str) -> str:
    """The text between quotes."""
    return "'" + text.replace("'", "''") + "'"
