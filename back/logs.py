"""How the API's log is written: lines for people, or one JSON object a line for machines."""

import json
import logging
import re
from datetime import UTC, datetime
from typing import Literal

from back.guards.answers import request_id

# Everything that a terminal or a log reader could take for more than text, line ends first.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def set_up(form: Literal["text", "json"]) -> None:
    """Send everything that this process logs to stderr, in one form."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if form == "json" else TextLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # MLflow's client tells of each retry at length; the registry says once, in a sentence, what is wrong.
    logging.getLogger("urllib3").setLevel(logging.ERROR)


class TextLines(logging.Formatter):
    """`LEVEL logger [request]: message`, the message on one line whatever a stranger put into it."""

    def format(self, record: logging.LogRecord) -> str:
        name = request_id.get()
        text = f"{record.levelname} {record.name}{f' [{name}]' if name else ''}: {escaped(record.getMessage())}"
        if record.exc_info:
            trace = self.formatException(record.exc_info).splitlines()
            text += "\n" + "\n".join(escaped(line) for line in trace)
        return text


class JsonLines(logging.Formatter):
    """Time, level, logger, message, the request's id, and what else a record tells."""

    def format(self, record: logging.LogRecord) -> str:
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": request_id.get(),
            **getattr(record, "told", {}),
        }
        if record.exc_info:
            told["trace"] = self.formatException(record.exc_info)
        return json.dumps(told, default=str)


def escaped(text: str) -> str:
    """The text without a character that a terminal would obey."""
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
