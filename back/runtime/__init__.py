"""The inference library that the API and the evaluation both run: photo bytes in, label map out; knows no HTTP and
no MLflow."""
