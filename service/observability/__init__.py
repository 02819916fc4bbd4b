"""What the service tells of itself: metrics, request ids, the log, and traces. See docs/observability.md."""
