"""What is said when MLflow fails: a sentence without passwords and without addresses of connection pools."""

import re

_PASSWORD = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)[^/@\s]+@", re.IGNORECASE)


def without_password(text: str) -> str:
    """The text with what stands before the `@` of every address taken out: `http://user:secret@host` -> `http://host`."""
    return _PASSWORD.sub(r"\g<scheme>", text)


def is_mlflow_error(error: BaseException) -> bool:
    from mlflow.exceptions import MlflowException

    return isinstance(error, MlflowException)


def mlflow_sentence(tracking_uri: str, error: BaseException) -> str:
    """What went wrong with MLflow, and what to do."""
    where, text = without_password(tracking_uri), without_password(str(error))
    if "Max retries exceeded" in text or "timed out" in text or isinstance(error, OSError):
        return f"MLflow at {where} does not answer; start it, or set STREETSEG_MLFLOW_TRACKING_URI."
    first_line = next((line.strip() for line in text.splitlines() if line.strip()), type(error).__name__)
    return f"MLflow at {where} answers with an error: {first_line[:300]}"
