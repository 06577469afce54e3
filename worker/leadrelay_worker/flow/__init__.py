"""Flow control: when to stop sending, when to try again, and how fast.

Workers' outcomes are counted where they are settled. Once a second an elected worker, the controller, holds the counts
against the rules (`policy`, pure) and changes the valve; the claim hands out only what the valve lets through.
``docs/flow.md`` shows the states and the rules with their numbers.
"""
