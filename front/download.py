"""A file that is fetched when its button is pressed, and what is said where it does not come."""

import math
import time
from collections.abc import Callable, Sequence
from threading import Condition

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from front.api.errors import ApiError
from front.ui.names import as_text

START_SECONDS = 3.0  # from the press of a button to the browser's question for its file
# A press runs the page again, which gives each button a new file id, and the ids of before end with that run. A press
# with an id that has ended comes to nothing, so the run lasts as long as a browser may take to draw the new buttons.
REDRAW_SECONDS = 1.0
# Streamlit writes "Failed to generate file" under the button of a download that fails; the sentence below says more.
HIDE_GENERIC_ERROR = "<style>.st-key-downloads [data-testid=stDownloadButtonError] { display: none }</style>"


class Download:
    """A file that is fetched when its button is pressed.

    Streamlit calls it in a thread that cannot write to the page: what went wrong waits here until the page asks.
    """

    def __init__(self, name: str, get: Callable[[], bytes]) -> None:
        self.name = name
        self.problem: str | None = None
        self._get = get
        self._pressed = self._started = self._ended = 0
        self._pressed_at = -math.inf
        self._changed = Condition()

    def note_press(self) -> None:
        """The button's callback. It and the call itself set off together, so either may come first."""
        with self._changed:
            self._pressed += 1
            self._pressed_at = time.monotonic()

    def __call__(self) -> bytes:
        with self._changed:
            self._started += 1
            self.problem = None
        said: str | None = f"**{as_text(self.name)}** could not be made; the dashboard's log says why."
        try:
            data = self._get()
            said = None
            return data
        except ApiError as error:
            said = sentence(self.name, error)
            raise
        finally:
            with self._changed:
                self._ended += 1
                self.problem = said
                self._changed.notify_all()

    def wait(self, seconds: float) -> bool:
        """Wait for the answer to a press, so long at most; whether there is nothing to wait for any more."""
        with self._changed:
            if self._started < self._pressed and time.monotonic() > self._pressed_at + START_SECONDS:
                self._pressed = self._started
                self.problem = f"**{as_text(self.name)}** did not start to download. Press the button again."
            return self._changed.wait_for(lambda: self._ended >= max(self._started, self._pressed), seconds)

    def redrawn_in(self) -> float:
        """Seconds until the browser has surely drawn what the last press changed; 0 where it has."""
        return max(0.0, self._pressed_at + REDRAW_SECONDS - time.monotonic())


def sentence(name: str, error: ApiError) -> str:
    """What happened to a download and what to do."""
    return f"**{as_text(name)}** could not be fetched. {error.title}: {error.advice_for_a_press}"


def tell_failures(place: DeltaGenerator, offered: Sequence[Download]) -> None:
    """Say which files did not come and what to do; waits for those that are on their way."""
    for download in offered:
        while not download.wait(0.5):
            place.empty()  # lets Streamlit end this run when something else was pressed
    time.sleep(max((download.redrawn_in() for download in offered), default=0.0))
    with place.container():
        for download in offered:
            if download.problem is not None:
                st.error(download.problem, icon=":material/download:")
