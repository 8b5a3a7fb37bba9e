"""The Evaluate page: models over photos with labels, and the pictures behind every number."""
