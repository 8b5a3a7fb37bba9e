"""Photos to labels as a Ray Data job: on this machine, or on the cluster that `RAY_ADDRESS` names.

Ray shares the photos out to a pool of actors that hold the compiled model, starts dead ones anew and gives their
photos to others. The workers read the photos themselves; the model and the labels travel through Ray.
"""

import logging
import os
import pickle
import socket
import tempfile
import warnings
from collections.abc import Generator, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from back.runtime.card import CARD_FILE, ONNX_FILE, BundleError, read_card, sha256_of
from back.runtime.errors import UserError
from back.runtime.process.threads import available_cpus
from modelisation.labelling.labeller import Failed, Labeller, Options, Outcome, Task

if TYPE_CHECKING:
    import pyarrow as pa

_ADDRESS = "RAY_ADDRESS"
_BATCH = 8  # photos that an actor takes at a time
_RETRIES = 3  # of a batch whose actor died
_REACH_S = 10
_STARTS = 2  # of a cluster on this machine: Ray gives its own programs 15 seconds, which a busy machine may exceed
_STORE_BYTES = 512 << 20  # of a cluster on this machine: masks in flight are small


def label_on_ray(
    bundle: Path, options: Options, tasks: Iterable[Task], workers: int | None, threads: int = 1
) -> Generator[Outcome]:
    """Label photos on Ray and give their outcomes, in no order.

    Args:
        bundle: folder of the model, on this machine alone.
        workers: actors, each with so many `threads` for its network; None takes all of the cluster's processors.

    Raises:
        UserError: Ray is not installed or cannot be reached, or the model cannot be loaded.
    """
    ray = _connect(workers, threads)
    try:
        model = {name: (bundle / name).read_bytes() for name in (CARD_FILE, ONNX_FILE)}
        count = workers or max(1, int(ray.cluster_resources().get("CPU", 1)) // threads)
        first = {task.photo: task for task in tasks}
        for batch in (_BATCH, 1):  # what is lost with its actors again and again is tried once more, alone
            for outcome in _job(ray, (model, options, threads), first.values(), batch, count):
                if first.pop(outcome.photo, None) is not None:
                    yield outcome
            if not first:
                return
        for photo in first:
            yield Failed(photo, "ended each process that labelled it; look at it, or leave it out")
    except ray.exceptions.RayError as error:
        raise UserError(f"Ray ended the work ({_first_line(error)}); start the same command again") from error
    finally:
        ray.shutdown()


def _connect(workers: int | None, threads: int) -> Any:
    """The module, connected."""
    address = os.environ.get(_ADDRESS)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to Ray's makers
    if not address:  # read at the import: on this machine alone Ray need not listen to the network
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise UserError(
            "--engine ray: Ray is not installed; pip install -r modelisation/labelling/requirements.txt"
        ) from error
    if address:
        _check_reached(address)
    processors = (workers or max(1, available_cpus() // threads)) * threads
    here: dict[str, Any] = {"num_cpus": processors, "include_dashboard": False, "object_store_memory": _STORE_BYTES}
    for attempt in range(1 if address else _STARTS):
        try:
            ray.init(
                address=address or "local",
                log_to_driver=False,
                logging_level=logging.CRITICAL,
                **({} if address else here),
            )
            break
        except Exception as error:  # a cluster that takes longer than Ray waits for it raises no more than that
            ray.shutdown()
            if address or attempt + 1 == _STARTS:
                raise _not_reached(address, error) from error
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False  # the command has its own
    context.print_on_execution_start = False
    context.max_errored_blocks = -1  # they are tried again, see `label_on_ray`
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    return ray


def _check_reached(address: str) -> None:
    """Raises UserError where nothing listens at HOST:PORT, of which Ray itself makes sure for minutes."""
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdecimal():
        return  # `auto`, or another way to say it
    try:
        socket.create_connection((host.strip("[]"), int(port)), _REACH_S).close()
    except (OSError, OverflowError) as error:
        raise _not_reached(address, error) from error


def _not_reached(address: str | None, error: Exception) -> UserError:
    what = f"the cluster of {_ADDRESS}={address} is not reached" if address else "no cluster can be begun here"
    return UserError(f"--engine ray: {what} ({_first_line(error)}); look whether it runs, or try again")


def _job(ray: Any, arguments: tuple[Any, ...], tasks: Iterable[Task], size: int, count: int) -> Iterator[Outcome]:
    import pyarrow as pa

    rest = iter([pickle.dumps(task) for task in tasks])
    blocks = []
    while some := list(islice(rest, size)):
        blocks.append(pa.table({"task": pa.array(some, pa.binary())}))
    model, options, threads = arguments
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray 2.60 names no other way to limit retries than those it will drop
        labelled = ray.data.from_arrow(blocks).map_batches(
            _Worker,
            fn_constructor_args=(model, options, threads),
            batch_size=None,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(size=min(count, len(blocks))),
            num_cpus=threads,
            max_restarts=-1,
            max_task_retries=_RETRIES,
        )
    for batch in labelled.iter_batches(batch_size=None, batch_format="pyarrow"):
        for data in batch["outcome"]:
            outcome = pickle.loads(data.as_py())  # nosec B301 # what a worker of ours wrote
            if isinstance(outcome, UserError):
                raise outcome
            yield outcome


class _Worker:
    """An actor of the pool."""

    def __init__(self, model: dict[str, bytes], options: Options, threads: int) -> None:
        self._arguments = model, options, threads
        self._labeller: Labeller | None = None

    def __call__(self, batch: "pa.Table") -> "pa.Table":
        import pyarrow as pa

        tasks = [pickle.loads(one.as_py()) for one in batch["task"]]  # nosec B301 # what the command wrote
        outcomes: list[Any]
        try:
            if self._labeller is None:
                self._labeller = self._load(*self._arguments)
            outcomes = list(self._labeller.label_all(tasks))
        except UserError as error:
            outcomes = [error]
        return pa.table({"outcome": pa.array([pickle.dumps(one) for one in outcomes], pa.binary())})

    def _load(self, model: dict[str, bytes], options: Options, threads: int) -> Labeller:
        """The model from the files that came with the job, which its engine reads again for other sizes.

        Raises:
            BundleError: as `Predictor.load`.
        """
        self._scratch = tempfile.TemporaryDirectory(prefix="streetseg-model-", ignore_cleanup_errors=True)
        folder = Path(self._scratch.name)
        for name, data in model.items():
            (folder / name).write_bytes(data)
        if sha256_of(folder / ONNX_FILE) != read_card(folder).files[ONNX_FILE]:
            raise BundleError("the model was damaged on its way to a worker; start the same command again")
        return Labeller.of_bundle(folder, options, threads, verify=False)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
