"""What Label Studio's ML backend needs: its label configs, its pictures, predictions in its words; no routes."""
