"""Which jobs a visitor looks at: their ids stand in the address, so a reload and a shared link lead back to them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from front.api.client import Json
from front.api.errors import ApiError
from front.api.waiting import client

EVERY_SECONDS = 1.0
UNFINISHED = ("queued", "running")


@dataclass(frozen=True)
class Watched:
    """The jobs of one page.

    Attributes:
        parameter: of the address; once for each job.
        most: how many are looked at at a time.
        name: of the clip or the photos in the session, under which it is called on the page.
        said: where the session keeps a sentence for the page's next run.
    """

    parameter: str
    most: int
    name: str
    said: str

    @property
    def _kept(self) -> str:
        return f"{self.parameter}_watched"

    def ids(self) -> list[str]:
        """The ids of the address, else those of this session, which other pages' addresses leave out."""
        asked = st.query_params.get_all(self.parameter)[: self.most]
        ids = list(dict.fromkeys(asked)) or list(st.session_state.get(self._kept, []))
        if ids != st.session_state.get(self._kept):
            st.session_state.pop(self.name, None)  # of another one
        self.watch(ids)
        return ids

    def watch(self, ids: Sequence[str]) -> None:
        """Look at these jobs from now on; at none, where there are none."""
        st.session_state[self._kept] = list(ids)
        if not ids:
            st.query_params.pop(self.parameter, None)
        elif st.query_params.get_all(self.parameter) != list(ids):
            st.query_params[self.parameter] = list(ids)

    def show_until_done(self, jobs: Sequence[Json], show: Callable[[list[Json]], None], what: str) -> None:
        """Show jobs as they are now, every second anew; the page runs again when one of them has ended or is gone.

        Args:
            show: draws the jobs, in the order given.
            what: in place of the dots of "How far … is cannot be told now".
        """
        states = {job["id"]: job["state"] for job in jobs}

        def watching(memory: dict[str, bool]) -> None:
            now = list(jobs)
            if not memory.pop("first", False):
                try:
                    now = [client().job(name) for name in states]
                except ApiError as error:
                    if error.status == 404:
                        st.rerun()
                    st.warning(
                        f"**{error.title}.** How far {what} is cannot be told now; the work itself may go on.",
                        icon=":material/cloud_off:",
                    )
                    return
                if any(job["state"] not in UNFINISHED and states[job["id"]] in UNFINISHED for job in now):
                    st.rerun()
            show(now)

        st.fragment(watching, run_every=EVERY_SECONDS, key=f"{self.parameter}-progress")({"first": True})

    def delete(self, ids: Sequence[str], *, what: str, said: str) -> bool:
        """End and delete jobs; a sentence for the page's next run says so, or why they are still there.

        Args:
            what: in place of the dots of "It was not …", for example `cancelled`.
            said: the sentence where all went well.

        Returns:
            Whether they are deleted, and looked at no more.
        """
        try:
            for name in ids:
                client().delete_job(name)
        except ApiError as error:
            st.session_state[self.said] = f"**{error.title}.** It was not {what}: {error.advice_for_a_press}"
            return False
        self.watch([])
        st.session_state[self.said] = said
        return True


# Of the page Evaluate; other pages lead there.
EVALUATION = Watched(parameter="evaluation", most=1, name="evaluation_name", said="evaluation_said")
