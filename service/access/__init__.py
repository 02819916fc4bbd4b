"""Who may ask: keys, what each may do, and where the service may listen without any."""
