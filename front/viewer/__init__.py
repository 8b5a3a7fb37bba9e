"""The canvas that shows a photo with its class maps in the browser, and the layers that pages give it."""
