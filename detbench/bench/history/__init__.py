"""History: results of runs across commits, in one file that suits git or a bucket."""
