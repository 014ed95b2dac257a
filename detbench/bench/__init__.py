"""What is done: run folders and the environment they were made in."""
