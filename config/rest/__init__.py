"""What every part of `/api/v1/` shares."""
