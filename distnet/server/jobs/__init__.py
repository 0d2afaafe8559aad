"""Jobs of the server: submit, admission, dependencies, recurring jobs, what users ask of them."""
