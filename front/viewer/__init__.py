"""The canvas that shows a photo with its class maps in the browser, and what it needs of a prediction; no page of
its own."""
