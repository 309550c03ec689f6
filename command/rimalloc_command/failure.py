# SPDX-License-Identifier: MIT
"""What the user is told when something cannot be done."""


class Failure(Exception):
    """One sentence for the user, without a full stop; and what helps, if something does."""

    def __init__(self, text, hint=None):
        super().__init__(text)
        self.hint = hint
