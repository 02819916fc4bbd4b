"""Other ways to serve the same SavedModel with the same requests and answers, to measure the service against."""
