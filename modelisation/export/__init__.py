"""How a trained network becomes a bundle that serves, and the checks that it must pass; MLflow is in
`modelisation/registry`."""
