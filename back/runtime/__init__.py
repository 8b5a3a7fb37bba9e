"""The inference library that both the API and the evaluation run: photo bytes in, label map out."""
