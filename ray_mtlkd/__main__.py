"""``python -m ray_mtlkd``: the command line."""

from ray_mtlkd.cli import main

if __name__ == "__main__":
    main()
