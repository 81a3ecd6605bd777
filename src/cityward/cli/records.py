"""``cityward records``: drafts of the records that the law asks for."""

from __future__ import annotations

import click

from cityward.city import open_city
from cityward.cli.main import city_option


@click.command()
@click.argument("kind", type=click.Choice(["processing", "dpia", "rights"]))
@click.option("--html", is_flag=True, help="HTML instead of Markdown.")
@city_option
def records(kind: str, html: bool, folder: str) -> None:
    """Print the draft of a record: processing (GDPR art. 30), dpia (art. 35), rights (AI Act art. 27).

    It is made from what is really configured; what is not known says who has to fill it in.
    """
    with open_city(folder) as city:
        draft = city.processing.draft(kind)
    click.echo(draft.html() if html else draft.markdown(), nl=False)
