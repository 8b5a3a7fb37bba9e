"""Where Debian puts Chromium, and how it starts without a screen."""

PATH = "/usr/bin/chromium"
ARGUMENTS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking")
