"""What the steps do. Each advances every revision of its batch that stands in the state before it::

    discover   source      → manifest, cut into batches
    load       discovered  → loaded     bytes fetched, compared with what is live, parsed to text
    cut        loaded      → chunked    boundaries into the text
    embed      chunked     → embedded   vectors; only texts that the space does not have are sent
    save       embedded    → published  pointers moved, one transaction

So a step may be repeated without harm, and what was done is not done again. No DBOS here.
"""

from listener.steps.cutting import cut
from listener.steps.discovery import discover
from listener.steps.embedding import EmbedStep
from listener.steps.loading import load
from listener.steps.publishing import save, save_request
from listener.steps.tools import Tools

__all__ = ["EmbedStep", "Tools", "cut", "discover", "load", "save", "save_request"]
