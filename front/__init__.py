"""The dashboard, in Streamlit: one room a page; it knows the HTTP API alone and imports nothing of the other
tiers."""
