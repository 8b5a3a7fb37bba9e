"""Settings of the API, read once from environment variables that start with STREETSEG_.

Wrong values stop the start with one sentence that names the variable, never in the middle of a request.
"""

import ipaddress
import os
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from back.mlflow_errors import without_password
from back.runtime.errors import UserError

PREFIX = "STREETSEG_"
REPOSITORY = Path(__file__).resolve().parents[1]
# Read by the dashboard, so not a spelling mistake here.
_FOREIGN = {"STREETSEG_API_URL", "STREETSEG_API_KEY"}
Rate = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,8}/(second|minute|hour|day)$")]


class SettingsError(UserError):
    """A setting that cannot be used: names the variable, the value and what is allowed."""


class Settings(BaseSettings):
    """Everything that an operator can set; each field is the variable STREETSEG_<NAME>."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    mlflow_tracking_uri: str = Field(
        default="http://127.0.0.1:5000", min_length=1, description="where models and runs are read from"
    )
    mlflow_ui_url: str | None = Field(
        default=None, description="MLflow's address as a browser reaches it; default: the tracking URI"
    )
    default_model: str | None = Field(
        default=None, description="name, name@alias or name/version that answers when a request names none"
    )
    engine: Literal["auto", "openvino", "onnxruntime", "cuda"] = "auto"
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    threads: int | None = Field(default=None, ge=1, le=1024, description="default: the processor quota")
    pixel_budget: int | None = Field(
        default=None, ge=32 * 32, le=2**23, description="pixels of the network input; default: the card's"
    )
    load_seconds: float = Field(default=120, gt=0, description="that trying a new model may take; more is refused")
    load_memory_mb: int = Field(default=3000, ge=100, description="that trying a new model may take; more is refused")
    cache_dir: Path = Field(default=REPOSITORY / ".cache", description="downloaded and compiled models")
    dataset_dir: Path | None = Field(
        default=None, description="data set that the models were evaluated on, for pictures of its images"
    )
    max_image_mb: float = Field(default=32, gt=0, le=1024, description="megabytes of one request's body")
    max_image_megapixels: float = Field(default=64, gt=0, le=1000, description="pixels of one photo, millions")
    max_video_mb: float = Field(default=200, gt=0, le=1e5, description="megabytes of one clip")
    max_video_megapixels: float = Field(
        default=9, gt=0, le=1000, description="pixels of one frame of a clip, millions"
    )
    max_video_minutes: float = Field(default=10, gt=0, le=1440, description="length of one clip")
    max_evaluation_mb: float = Field(
        default=200,
        gt=0,
        le=1e5,
        description="megabytes of the photos and labels of one evaluation, as they are sent",
    )
    max_evaluation_photos: int = Field(
        default=1000, ge=1, le=100_000, description="labelled photos of one evaluation"
    )
    jobs_dir: Path | None = Field(
        default=None,
        description="clips and evaluations that wait, and what came of those that are done; default: in the cache",
    )
    max_jobs: int = Field(
        default=16,
        ge=0,
        le=10_000,
        description="clips and evaluations that wait or are worked on; more get 503; 0: none are taken",
    )
    max_jobs_mb: float = Field(
        default=4000, gt=0, description="megabytes of all clips, evaluations and results together"
    )
    keep_hours: float = Field(default=24, gt=0, description="how long results are kept")
    job_minutes: float = Field(default=120, gt=0, description="that one clip or evaluation may take")
    job_memory_mb: int = Field(default=3000, ge=100, description="that one clip or evaluation may take")
    shared_dir: Path | None = Field(
        default=None, description="photos that were shared by a link, and their results; default: in the cache"
    )
    max_shared: int = Field(default=200, ge=0, description="shared photos; more get 503; 0: none can be shared")
    max_shared_mb: float = Field(
        default=1000, gt=0, le=1e6, description="megabytes of all shared photos and their results together"
    )
    share_hours: float = Field(default=168, gt=0, le=87_600, description="how long a shared photo is kept")
    max_queue: int = Field(default=64, ge=1, le=100_000, description="requests working or waiting; more get 503")
    max_uploads_mb: float = Field(
        default=512, gt=0, le=1e6, description="megabytes of all requests together that arrive, wait or are worked on"
    )
    max_connections: int = Field(default=1000, ge=1, le=30_000, description="open connections; see below")
    slow_seconds: float = Field(
        default=20, ge=0.1, le=3600, description="how long a client may keep the API waiting, see below"
    )
    reload_seconds: float = Field(default=30, ge=0.1, description="how often aliases are looked up")
    host: str = Field(default="127.0.0.1", min_length=1)
    public: bool = Field(default=False, description="1: whoever reaches the API may use it, without a key")
    keys_file: Path | None = Field(default=None, description="keys that requests must come with")
    rate_per_key: Rate | None = Field(default="1200/minute", description="requests that one key may send")
    rate_per_address: Rate | None = Field(
        default="1200/minute", description="requests from one address without a key"
    )
    label_studio_url: str | None = Field(
        default=None, description="Label Studio's address, as http://host:port: turns its ML backend on"
    )
    label_studio_token: SecretStr | None = Field(
        default=None, description="token of Label Studio's Account page, with which pictures are read"
    )
    docs: bool = Field(default=True, description="0: no /docs and no /openapi.json")
    metrics: bool = Field(default=True, description="0: no /metrics")
    log_format: Literal["text", "json"] = "text"
    log_requests: bool = Field(default=False, description="1: a line in the log for each request")
    port: int = Field(default=8000, ge=1, le=65535)
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="comma-separated origins of web pages that may call the API"
    )

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split_origins(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator(
        *("mlflow_ui_url", "default_model", "threads", "pixel_budget", "dataset_dir", "keys_file"),
        *("rate_per_key", "rate_per_address", "jobs_dir", "shared_dir", "label_studio_url", "label_studio_token"),
        mode="before",
    )
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        # Compose files and shells pass a variable that is not set as an empty string.
        return None if value == "" else value

    @field_validator("label_studio_url")
    @classmethod
    def _is_an_origin(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if not value.isascii() or (parts.username, parts.password) != (None, None):
            raise ValueError("wanted scheme, host and port alone, as in http://127.0.0.1:8080")
        if parts.path not in ("", "/") or parts.query or parts.fragment or (origin := origin_of(parts)) is None:
            raise ValueError("wanted scheme, host and port alone, as in http://127.0.0.1:8080")
        return origin

    @field_validator("max_uploads_mb")
    @classmethod
    def _holds_one_request(cls, value: float, info: ValidationInfo) -> float:
        if value < info.data.get("max_image_mb", 0):
            raise ValueError(f"not even one request of STREETSEG_MAX_IMAGE_MB={info.data['max_image_mb']:g} fits")
        return value

    @field_validator("max_jobs_mb")
    @classmethod
    def _holds_one_clip(cls, value: float, info: ValidationInfo) -> float:
        if value < 2 * info.data.get("max_video_mb", 0):
            raise ValueError(
                f"not even one clip of STREETSEG_MAX_VIDEO_MB={info.data['max_video_mb']:g} and its results fit"
            )
        return value

    @field_validator("dataset_dir")
    @classmethod
    def _is_a_folder(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_dir():
            raise ValueError("there is no such folder")
        return value

    @property
    def is_closed(self) -> bool:
        """Whether nobody reaches this API whom its owner did not let in."""
        try:
            is_this_machine = ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            is_this_machine = self.host == "localhost"
        return self.public or self.keys_file is not None or is_this_machine

    @property
    def max_body_bytes(self) -> int:
        return int(self.max_image_mb * 1_000_000)

    @property
    def max_upload_bytes(self) -> int:
        return int(self.max_uploads_mb * 1_000_000)

    @property
    def max_video_bytes(self) -> int:
        """Of one clip, which all uploads together have room for."""
        return int(min(self.max_video_mb, self.max_uploads_mb) * 1_000_000)

    @property
    def max_video_pixels(self) -> int:
        return int(self.max_video_megapixels * 1_000_000)

    @property
    def max_evaluation_bytes(self) -> int:
        """Of one evaluation: all uploads together have room for it, and all jobs for twice as much, unpacked."""
        return int(min(self.max_evaluation_mb, self.max_uploads_mb, self.max_jobs_mb / 2) * 1_000_000)

    @property
    def max_jobs_bytes(self) -> int:
        return int(self.max_jobs_mb * 1_000_000)

    @property
    def job_memory_bytes(self) -> int:
        return self.job_memory_mb * 1_000_000

    @property
    def jobs_path(self) -> Path:
        return (self.jobs_dir or self.cache_dir / "jobs").resolve()

    @property
    def shared_path(self) -> Path:
        return (self.shared_dir or self.cache_dir / "shared").resolve()

    @property
    def max_shared_bytes(self) -> int:
        return int(self.max_shared_mb * 1_000_000)

    @property
    def max_pixels(self) -> int:
        return int(self.max_image_megapixels * 1_000_000)

    @property
    def ui_url(self) -> str | None:
        """MLflow's web address without a trailing slash; None when the store is no server."""
        url = self.mlflow_ui_url or self.mlflow_tracking_uri
        return without_password(url).rstrip("/") if urlsplit(url).scheme in {"http", "https"} else None


def origin_of(url: SplitResult) -> str | None:
    """Scheme, host and port of an address, one way of writing for what is the same; None where it is not http(s).

    Raises:
        ValueError: the port is no port.
    """
    default = {"http": 80, "https": 443}.get(url.scheme)
    if default is None or not url.hostname:
        return None
    host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
    return f"{url.scheme}://{host}" + ("" if url.port in (None, default) else f":{url.port}")


def load_settings() -> Settings:
    """Read the environment.

    Raises:
        SettingsError: a value is not allowed.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + "_".join(str(part) for part in first["loc"][:1]).upper()
        raise SettingsError(
            f"{name}={first['input']}: {first['msg'].lower()}; set another value or unset the variable"
        ) from error


def unknown_variables() -> list[str]:
    """Names in the environment that look like settings but are none, usually spelling mistakes."""
    known = {PREFIX + name.upper() for name in Settings.model_fields} | _FOREIGN
    return sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)
