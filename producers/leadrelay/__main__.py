"""`python -m leadrelay`: the command line."""

from leadrelay.cli import main

if __name__ == "__main__":
    main()
