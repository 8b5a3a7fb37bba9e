"""The dashboard, in Streamlit: one room a page; of the other tiers it knows only the HTTP API."""
