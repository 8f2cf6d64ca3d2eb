"""What every query of every board should answer over a recorded page, by board, panel and query.

Worked out in Python from the page, in other words than the query's: a query that sums too much, matches too little, joins
the wrong way or divides the wrong two says something else. What the page itself says is compared with the cloud by
../truth.py and by the exporter's own tests.
"""

from . import capacity, operations, resources

# Counters of the made-up past have risen evenly for so long (../history.py).
RISEN = 50 * 86400


def everything(page, chosen):
    """Expected answers by (board, panel, query); `chosen` has the variables' values by board."""
    found = {}
    for module in (capacity, resources, operations):
        for name, board in module.BOARDS.items():
            for (panel, query), answer in board(page, chosen[name], RISEN).items():
                found[name, panel, query] = answer
    return found
