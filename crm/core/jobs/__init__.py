"""Long work in the background: progress, cancellation, resumption at a checkpoint, result files."""
