"""`recipes`: list them."""

import argparse

from training.recipe import load_recipe, recipe_names

ABOUT = "list the recipes"


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its arguments."""
    parser.set_defaults(run=list_recipes)


def list_recipes(options: argparse.Namespace) -> int:
    """Print every recipe with what it is for."""
    for name in recipe_names():
        print(f"{name:10} {load_recipe(name).about}")
    return 0
