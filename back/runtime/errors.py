"""The errors that whoever runs a command can mend, in both tiers, and the sentence that is printed for them."""


class UserError(Exception):
    """Something the user can mend: its text says what is wrong, where, and what to do, in a sentence.

    A subclass exists only where some code catches it apart from the others. Any other exception is a bug.
    """


class InputError(UserError):
    """A file that was sent and cannot be used: says why; `status` is what HTTP calls it."""

    def __init__(self, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.status = status


def sentence_of(error: UserError | OSError) -> str:
    """What to print for an error: its own sentence, or the file and the system's reason.

    Example:
        >>> sentence_of(FileNotFoundError(2, "No such file or directory", "recipe.yaml"))
        'recipe.yaml: no such file or directory'
    """
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        reason = error.strerror[:1].lower() + error.strerror[1:]
        return f"{error.filename}: {reason}"
    return str(error)
