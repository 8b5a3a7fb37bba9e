"""A photo that is labelled: where it lies, and what its labels are called."""

from dataclasses import dataclass
from pathlib import Path

SCHEME = "s3://"


def is_in_bucket(file: str) -> bool:
    """Whether it is the URL of an object in S3, or of a prefix."""
    return file.startswith(SCHEME)


@dataclass(frozen=True, slots=True)
class Source:
    """A photo.

    Attributes:
        file: path, or S3 URL.
        name: of its labels, without suffix, `/` between folders.
    """

    file: str
    name: str

    @property
    def path(self) -> Path | None:
        """Of a photo on a disk."""
        return None if is_in_bucket(self.file) else Path(self.file)

    @property
    def base(self) -> str:
        """The file's own name, with its suffix."""
        return self.file.rpartition("/")[2]

    @property
    def relative(self) -> str:
        """The file's own name behind the folders of `name`."""
        folder, slash, _ = self.name.rpartition("/")
        return folder + slash + self.base
