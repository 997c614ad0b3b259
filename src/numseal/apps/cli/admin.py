"""`numseal admin`: the commands of administrators, put together. What each does is in a module of its own."""

import click

from numseal.apps.cli.admin_agreements import agreements
from numseal.apps.cli.admin_operators import operators
from numseal.apps.cli.admin_trail import audit_trail


@click.group(name="admin", context_settings={"help_option_names": ["-h", "--help"]})
def admin() -> None:
    """Keep agreements, see how operators are, and read the audit trail.

    A development directory has the tokens of two administrators, admin-a and admin-b; --as names one of them.
    Exit code 0: done. 1: refused, or the trail is broken. 2: usage, or the server cannot be reached.
    """


admin.add_command(agreements)
admin.add_command(operators)
admin.add_command(audit_trail)
