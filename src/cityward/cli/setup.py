"""``cityward init``."""

from __future__ import annotations

from pathlib import Path

import click

from cityward.cli.main import as_json, json_option, some

BECAUSE = "Shipped with cityward; approved by the person who set the city up."


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="Name of the city.")
@click.option("--territories", required=True, type=click.Path(path_type=Path), help="GeoJSON polygons in WGS 84.")
@click.option("--time-zone", default="UTC", show_default=True, help="IANA time zone of its days.")
@click.option("--level", default="area", show_default=True, help="What the territories are called.")
@click.option("--id", "id_property", help="Property that identifies a territory; guessed when not given.")
@click.option("--name-property", help="Property that names a territory; guessed when not given.")
@click.option("--by", help="Your first and last name: you approve the systems that come with cityward.")
@json_option
def init(
    folder: Path,
    name: str,
    territories: Path,
    time_zone: str,
    level: str,
    id_property: str | None,
    name_property: str | None,
    by: str | None,
    json_: bool,
) -> None:
    """Make a city folder in FOLDER."""
    from cityward.city import init as make
    from cityward.city import open_city

    make(
        folder,
        name=name,
        territories=territories,
        time_zone=time_zone,
        level=level,
        id_property=id_property,
        name_property=name_property,
    )
    with open_city(folder) as city:
        count = len(city.territories())
        section = city.settings.territories[0]
        approved = city.systems.approve_shipped(by, BECAUSE) if by else []
    if json_:
        as_json(
            {
                "city": str(folder),
                "territories": count,
                "id": section.id,
                "name": section.name,
                "approved": [one.system for one in approved],
            }
        )
        return
    click.echo(
        f"{name} is ready in {folder}: {count:,} territories, known by '{section.id}' and named by '{section.name}'."
    )
    if by:
        click.echo(f"{by} approved the {some(len(approved), 'system')} that come with cityward.")
    else:
        click.echo(
            "Nobody approved its systems yet: "
            f"cityward systems approve --shipped --by NAME --because WHY --city {folder}"
        )
    click.echo(f"Next: cityward sense FILE --guess > map.toml, then cityward sense FILE --map map.toml --city {folder}")
