"""``sqlml dbt-package``."""

from __future__ import annotations

import click

from sqlml.cli.taught import Taught


@click.command(
    "dbt-package",
    cls=Taught,
    short_help="Print the folder of the dbt package, for packages.yml.",
    examples=(
        "sqlml dbt-package",
        'echo "packages: [{local: $(sqlml dbt-package)}]" > packages.yml',
    ),
)
def dbt_package() -> None:
    """Print the folder of the macros that make models, predictions and monitoring nodes of a dbt project.

    It is part of what is installed, and of the same version. The entry "local" in the packages.yml of a dbt project
    takes it, where the project should not fetch the package from Git.
    """
    from sqlml.install import shipped_folder

    click.echo(shipped_folder("macros"))
