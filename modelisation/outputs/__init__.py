"""What commands may write, replace and delete: only what they made, and never an input."""
