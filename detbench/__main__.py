"""`python -m detbench` is `detbench`."""

from detbench.cli import main

if __name__ == "__main__":
    main()
