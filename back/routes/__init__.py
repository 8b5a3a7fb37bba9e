"""One file a group of HTTP endpoints: reads the request, calls the pipeline or the registry, shapes the answer;
computes nothing itself."""
