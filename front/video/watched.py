"""The jobs of the clip that a visitor looks at: one for each model."""

from front.api.watched import Watched

CLIPS = Watched(parameter="job", most=2, name="clip_name", said="video_said")
