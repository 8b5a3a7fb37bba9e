"""The About page; what every page shares stands in `front/page.py`."""
