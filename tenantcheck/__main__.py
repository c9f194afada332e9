"""`python -m tenantcheck`: the same as the console script."""

from tenantcheck.cli import main

if __name__ == "__main__":
    main()
