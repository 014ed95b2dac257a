"""What people look at: frames, tables and plots."""
