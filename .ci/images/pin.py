"""Pin the images of Dockerfiles and docker-compose.yml by digest, with the date: `make pin-images`; needs a network.

A tag moves: what is built tomorrow may start from another image than what was tested today. A digest is the sha256 of
the image's manifest, which in turn names that of every layer, so whatever a registry, proxy or mirror sends is either
that image or refused. Being pinned, it takes no repairs by itself: run this again for those.
"""

import argparse
import datetime
import hashlib
import json
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FILES = (
    *(
        "back/Dockerfile",
        "back/replicas/Dockerfile",
        "front/Dockerfile",
        "modelisation/Dockerfile",
        "modelisation/mlflow_server/Dockerfile",
    ),
    "docker-compose.yml",  # the images that are not built here, which have a tag
)
DOCKER_HUB = "https://registry-1.docker.io"
_DATE = "# By digest as of "
_IMAGE = re.compile(
    rf"^(?: *{_DATE}.*\n)?(?P<indent> *)(?P<key>FROM|image:) (?P<image>[\w./-]+:[\w.-]+)(?:@sha256:[0-9a-f]{{64}})?$",
    re.MULTILINE,
)
# A list of images, one for each kind of processor, in the forms that registries have for it.
_ACCEPT = "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json"
_TIMEOUT_S = 30


class PinError(Exception):
    """An image that cannot be pinned: says why."""


def digest_of(registry: str, image: str) -> str:
    """`sha256:…` of what a tag means now, worked out from the manifest itself.

    Args:
        registry: address, without the path.
        image: `name:tag` as a Dockerfile says it; a name without an owner is Docker's own.

    Raises:
        PinError: the registry does not answer, or has no such image for several kinds of processors.
    """
    name, tag = image.split(":")
    name = name if "/" in name else f"library/{name}"
    request = urllib.request.Request(f"{registry}/v2/{name}/manifests/{tag}", headers={"Accept": _ACCEPT})
    try:
        try:
            answer = urllib.request.urlopen(request, timeout=_TIMEOUT_S)
        except urllib.error.HTTPError as error:
            if error.code != 401:
                raise
            request.add_header("Authorization", f"Bearer {_token(error.headers.get('WWW-Authenticate', ''))}")
            answer = urllib.request.urlopen(request, timeout=_TIMEOUT_S)
        with answer:
            manifest, said = answer.read(1 << 22), answer.headers.get("Docker-Content-Digest")
    except (OSError, ValueError, KeyError) as error:
        raise PinError(f"{image}: {registry} does not tell ({error})") from None
    digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
    if said not in (None, digest):
        raise PinError(f"{image}: {registry} says {said}, and sends {digest}")
    try:
        images = json.loads(manifest)["manifests"]
    except (ValueError, KeyError, TypeError):
        images = None
    if not images:
        raise PinError(f"{image}: {registry} sends no list of images, one for each kind of processor")
    return digest


def _token(challenge: str) -> str:
    """What lets anybody read a public image, from where the registry says that it is handed out."""
    asked = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    query = urllib.parse.urlencode({key: asked[key] for key in ("service", "scope") if key in asked})
    with urllib.request.urlopen(f"{asked['realm']}?{query}", timeout=_TIMEOUT_S) as answer:
        return str(json.load(answer)["token"])


def pinned(text: str, digests: dict[str, str], date: datetime.date) -> str:
    """The text of a file with the digest of each image that it names, and the date in a line above."""
    return _IMAGE.sub(
        lambda found: (
            f"{found['indent']}{_DATE}{date}; `make pin-images` takes the newest.\n"
            f"{found['indent']}{found['key']} {found['image']}@{digests[found['image']]}"
        ),
        text,
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--registry", default=DOCKER_HUB, help="a mirror's address (default: %(default)s)")
    parser.add_argument("files", nargs="*", type=Path, default=[ROOT / name for name in FILES])
    given = parser.parse_args(arguments)
    texts = {path: path.read_text(encoding="utf-8") for path in given.files}
    images = sorted({found["image"] for text in texts.values() for found in _IMAGE.finditer(text)})
    try:
        digests = {image: digest_of(given.registry.rstrip("/"), image) for image in images}
    except PinError as error:
        print(f"Nothing was changed. {error}", file=sys.stderr)
        return 1
    for path, text in texts.items():
        path.write_text(pinned(text, digests, datetime.datetime.now(datetime.UTC).date()), encoding="utf-8")
    for image, digest in digests.items():
        print(f"{image} is {digest}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
