"""What is said of a clip and of a job, in a few words."""

from front.api.client import Json
from front.ui.names import duration


def clip_facts(clip: Json) -> str:
    """`640 × 360 pixels · 12 s · 300 frames · H.264`, without what the file does not say."""
    parts = [f"{clip['width']} × {clip['height']} pixels"]
    if clip.get("seconds"):
        parts.append(clock(clip["seconds"]))
    if clip.get("frames"):
        parts.append(f"{clip['frames']:,} frames")
    return " · ".join([*parts, str(clip["codec"])])


def clock(seconds: float) -> str:
    """`0:03.2` below a minute, else `1:05`."""
    if seconds < 60:
        return f"0:{int(seconds * 10) / 10:04.1f}"
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def progress_words(job: Json) -> str:
    """How far a job is: per cent, images a second, time left."""
    if job["state"] == "queued":
        ahead = job.get("ahead") or 0
        return f"waits for {ahead} other clip{'s' * (ahead != 1)}" if ahead else "begins in a moment"
    if job["state"] == "done":
        return f"done, {job['frames']:,} frames"
    if job["state"] == "failed":
        return "failed"
    share, rate, left = job.get("progress"), job.get("images_per_s"), job.get("seconds_left")
    parts = [f"{share:.0%}" if share is not None else f"{job['frames']:,} frames"]
    if rate:
        parts.append(f"{rate:.1f} images/s")
    if left is not None:
        parts.append(f"{duration(0, 1000 * left)} left")
    return " · ".join(parts)
