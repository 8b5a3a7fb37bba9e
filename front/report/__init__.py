"""The report of what models see on one photo: one HTML file that reads and prints without the dashboard."""
